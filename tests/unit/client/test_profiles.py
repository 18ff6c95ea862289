"""Profiles: which file, what counts more, and what is refused rather than guessed."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from imagesearch_client.command.profiles import config_path
from support.fake_api import FakeApi, Run, ok

WORK = '[profiles.work]\nserver = "http://work:5000"\napi_key = "of-work"\npatience = 3\n'
HOME = '[profiles.home]\nserver = "http://home:5000"\n'


@pytest.fixture
def config(api: FakeApi, tmp_path: Path) -> Path:
    """The file of profiles, with two of them."""
    api.on("GET", "/api/v2/info", ok({"version": "1"}))
    path = tmp_path / "config" / "imagesearch" / "config.toml"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o600)
    path.write_text(f'default = "home"\n{WORK}{HOME}')
    return path


def asked(api: FakeApi) -> tuple[str, str | None]:
    last = api.requests[-1]
    return str(last.url.copy_with(path="/")), last.headers.get("Authorization")


def test_a_profile_names_the_server_and_the_key(api: FakeApi, run: Run, config: Path) -> None:
    assert run("--profile", "work", "info").exit_code == 0
    assert asked(api) == ("http://work:5000/", "Bearer of-work")
    run("info")
    assert asked(api) == ("http://home:5000/", None)
    run("info", env={"IMAGESEARCH_PROFILE": "work"})
    assert asked(api) == ("http://work:5000/", "Bearer of-work")


def test_the_environment_counts_more_and_options_count_most(api: FakeApi, run: Run, config: Path) -> None:
    environment = {"IMAGESEARCH_URL": "http://other:1", "IMAGESEARCH_API_KEY": "mine"}
    run("--profile", "work", "info", env=environment)
    assert asked(api) == ("http://other:1/", "Bearer mine")
    run("--profile", "work", "--server", "http://option:1", "info", env=environment)
    assert asked(api) == ("http://option:1/", "Bearer mine")


@pytest.mark.parametrize("how", ["option", "environment"])
def test_the_key_of_a_profile_goes_to_no_other_server(api: FakeApi, run: Run, config: Path, how: str) -> None:
    if how == "option":
        run("--profile", "work", "--server", "http://elsewhere:1", "info")
    else:
        run("--profile", "work", "info", env={"IMAGESEARCH_URL": "http://elsewhere:1"})
    assert asked(api) == ("http://elsewhere:1/", None)
    run("--profile", "work", "--server", "http://work:5000", "info")
    assert asked(api) == ("http://work:5000/", "Bearer of-work")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_holds_a_key_is_nobody_elses(run: Run, config: Path, mode: int) -> None:
    config.chmod(mode)
    result = run("info")
    assert (result.exit_code, f"chmod 600 {config}" in result.stderr) == (64, True)
    config.write_text(HOME)
    assert run("--profile", "home", "info").exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("profiles = 1", "there is no profile 'work'"),
        ("[profiles", "config.toml: "),
        ("colour = 1", "colour: only default and profiles"),
        ("[profiles.work]\nsever = 'x'", "profiles.work.sever: only server, api_key, patience"),
        ("[profiles.work]\nserver = 5", "profiles.work.server: a text"),
        ("[profiles.work]\npatience = true", "profiles.work.patience: a number"),
        ("[profiles.work]\npatience = -1", "profiles.work.patience: it is less"),
        ("[profiles]\nwork = 1", "profiles.work: a table"),
        (HOME, "there is no profile 'work'; there is: home"),
    ],
)
def test_what_is_wrong_is_named(run: Run, config: Path, text: str, said: str) -> None:
    config.write_text(text)
    result = run("--profile", "work", "info")
    assert result.exit_code == 64
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_default_that_is_no_name_is_named(run: Run, config: Path) -> None:
    config.write_text("default = 1")
    assert "default: the name of a profile" in run("info").stderr


def test_without_a_file_no_profile_is_there(run: Run) -> None:
    result = run("--profile", "work", "info")
    assert (result.exit_code, "there is no profile 'work'" in result.stderr) == (64, True)


def test_the_patience_of_a_profile_is_that_of_the_command(api: FakeApi, run: Run, config: Path) -> None:
    api.on("GET", "/api/v2/jobs", httpx.ConnectError("Connection refused"))
    assert "asking again for up to 3 s" in run("--profile", "work", "jobs").stderr
    assert "asking again for up to 5 s" in run("--profile", "work", "--patience", "5", "jobs").stderr


def test_where_the_file_lies() -> None:
    assert config_path({"HOME": "/home/a"}) == Path("/home/a/.config/imagesearch/config.toml")
    assert config_path({"HOME": "/home/a", "XDG_CONFIG_HOME": "/x"}) == Path("/x/imagesearch/config.toml")
    assert config_path({"HOME": "/home/a", "XDG_CONFIG_HOME": "relative"}) == config_path({"HOME": "/home/a"})
    assert config_path({}) is None
