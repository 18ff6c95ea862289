"""`imagesearch index --watch`: what it needs, what it prints, how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagesearch_client.command import watching
from support.fake_api import FakeApi, Run, job, ok, problem


def happening(monkeypatch: pytest.MonkeyPatch, ticks: int) -> None:
    """Have a file system tell of nothing so often; then somebody presses Ctrl-C."""

    def events(root: str, *, poll: bool) -> Iterator[list[tuple[str, str]]]:
        for _ in range(ticks):
            yield []
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "_watch", lambda: events)


def test_each_job_is_told_until_somebody_stops_it(
    api: FakeApi, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.on("POST", "/api/v2/jobs", ok(job("planning"), 202))
    api.on("GET", "/api/v2/jobs/17", ok(job()), ok(job("succeeded", ended=True, indexed=480)))
    happening(monkeypatch, 4)
    result = run("index", str(tmp_path), "--watch", "--seen-as", "/mnt/photos", "--collection", "cats")
    assert (result.exit_code, result.stdout) == (
        130,
        "Job 17 succeeded: 480 of 480 indexed, 0 unchanged, 0 failed in 13 s\n",
    )
    assert api.sent_json(0)["source"] == "/mnt/photos"
    lines = run("index", str(tmp_path), "--watch", "--json").stdout
    assert json.loads(lines)["state"] == "succeeded"


def test_a_folder_that_the_server_does_not_see_is_told(
    api: FakeApi, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [{"field": "source", "rule": "the directory does not exist"}]
    api.on("POST", "/api/v2/jobs", problem(404, "source: the directory does not exist", errors=errors))
    happening(monkeypatch, 1)
    result = run("index", str(tmp_path), "--watch")
    assert (result.exit_code, "--seen-as" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["{folder}/none", "--watch"],
        ["{folder}", "--watch", "--no-wait"],
        ["{folder}", "--watch", "--no-recursive"],
        ["{folder}", "--watch", "--callback-url", "https://example.org"],
        ["{folder}", "--watch", "--seen-as", "relative"],
        ["--list", "-", "--watch"],
        ["{folder}", "--poll"],
    ],
)
def test_what_does_not_go_together_is_told(api: FakeApi, run: Run, tmp_path: Path, arguments: list[str]) -> None:
    result = run("index", *(each.format(folder=tmp_path) for each in arguments), input="/a.jpg\n")
    assert (result.exit_code, api.requests) == (64, [])


@pytest.mark.parametrize(("number", "said"), [(28, "fs.inotify.max_user_watches"), (13, "cannot be watched")])
def test_a_folder_that_cannot_be_watched_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def events(root: str, *, poll: bool) -> Iterator[list[tuple[str, str]]]:
        raise OSError(number, "no")

    monkeypatch.setattr(watching, "_watch", lambda: events)
    result = run("index", str(tmp_path), "--watch")
    assert (result.exit_code, said in result.stderr) == (1, True)


def test_without_watchfiles_it_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: str) -> object:
        raise ModuleNotFoundError("No module named 'watchfiles'", name="watchfiles")

    monkeypatch.setattr(watching, "import_module", missing)
    result = run("index", str(tmp_path), "--watch")
    assert (result.exit_code, "imagesearch-client[watch]" in result.stderr) == (1, True)
