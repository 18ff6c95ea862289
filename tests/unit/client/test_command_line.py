"""What all commands share: JSON as the API sends it, exit codes, completion, pipes, and advice on errors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import httpx
import pytest
from click.shell_completion import BashComplete

from imagesearch_client.command import main
from imagesearch_client.command.advice import ADVICE
from imagesearch_client.command.completion import PROGRAM, VARIABLE
from imagesearch_client.command.exits import MEANINGS
from support.fake_api import FakeApi, Run, job, ok, problem

WITHOUT_JSON = {"completion", "images thumbnail", "collections delete", "collections unalias"}
"""Their answers are files, scripts, or nothing."""
COMMANDS = Path(__file__).parents[3] / "client" / "src" / "imagesearch_client" / "command"


def leaves(group: click.Group, *above: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *above, name)
        else:
            yield " ".join([*above, name]), command


def test_every_command_speaks_json() -> None:
    silent = {name for name, command in leaves(main) if "as_json" not in {each.name for each in command.params}}
    assert silent == WITHOUT_JSON


def test_a_list_is_a_line_for_each_item_as_the_api_has_it(api: FakeApi, run: Run) -> None:
    """Fields that this version does not know included, and no page is read that nobody needs."""
    items = [
        {"id": number, "path": f"/{number}.jpg", "bytes": 5, "of_a_later_version": [1]} for number in range(4)
    ]
    path = "/api/v2/collections/default/images"
    api.on("GET", path, ok({"items": items[:2], "next": "2"}), ok({"items": items[2:], "next": "4"}))
    lines = run("images", "list", "--limit", "3", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == items[:3]
    assert len(api.requests) == 2


IMAGE = "/api/v2/collections/default/images/4"


@pytest.mark.parametrize(
    ("arguments", "route", "answer"),
    [
        (["collections", "create", "cats"], "POST /api/v2/collections", {"name": "cats", "images": 0, "new": 1}),
        (["count"], "GET /api/v2/collections/default", {"name": "default", "images": 7}),
        (["pause", "17"], "POST /api/v2/jobs/17/pause", job("paused")),
        (["jobs", "17"], "GET /api/v2/jobs/17", job(later=1)),
        (["images", "show", "4"], f"GET {IMAGE}", {"id": 4, "path": "/a", "bytes": 5}),
        (["images", "change", "4", "--clear"], f"PATCH {IMAGE}", {"id": 4, "path": "/a"}),
    ],
)
def test_an_answer_is_a_line_as_the_api_has_it(
    api: FakeApi, run: Run, arguments: list[str], route: str, answer: dict[str, object]
) -> None:
    api.on(*route.split(" "), ok(answer))
    printed = run(*arguments, "--json").stdout
    assert json.loads(printed) == answer
    assert printed.count("\n") == 1


def test_the_exit_codes_are_in_the_help_and_in_no_other_place(run: Run) -> None:
    shown = run("--help").stdout
    found = dict(re.findall(r"^ +(\d+) +(\S.*)$", shown[shown.index("Exit codes:") :], re.MULTILINE))
    assert found == {str(code): meaning for code, meaning in MEANINGS.items()}
    elsewhere = [
        path.name for path in COMMANDS.glob("*.py") if re.search(r"Exit\(\d|exit_code = \d", path.read_text())
    ]
    assert elsewhere == []


def test_the_old_name_of_the_server_still_works_and_is_not_shown(api: FakeApi, run: Run) -> None:
    api.on("GET", "/api/v2/info", ok({"version": "1"}))
    assert run("--url", "http://old:1", "info").exit_code == 0
    assert api.requests[0].url.host == "old"
    assert "--url" not in run("--help").stdout


def test_a_picture_at_a_url_is_named_by_another_option(api: FakeApi, run: Run) -> None:
    api.on("POST", "/api/v2/collections/default/search", ok({"results": [], "took_ms": {}}))
    assert run("search", "--image-url", "https://example.org/a.jpg").exit_code == 0
    assert api.sent_json()["url"] == "https://example.org/a.jpg"
    wrong = run("search", "--url", "https://example.org/a.jpg")
    assert (wrong.exit_code, "--image-url" in wrong.stderr) == (64, True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_what_completes_the_command(run: Run, shell: str) -> None:
    printed = run("completion", shell).stdout
    assert VARIABLE in printed
    assert f"{shell}_complete" in printed


def test_commands_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMP_WORDS", f"{PROGRAM} up")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert BashComplete(main, {}, PROGRAM, VARIABLE).complete() == "plain,upload"


def test_a_reader_that_leaves_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ran = subprocess.run(
            [Path(sys.executable).with_name("imagesearch"), "--help"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (1, b"")


@pytest.mark.parametrize("code", ["not_authenticated", "quota_exceeded", "no_room"])
def test_an_error_says_its_code_and_what_to_do(api: FakeApi, run: Run, code: str) -> None:
    status = {"not_authenticated": 401, "quota_exceeded": 403, "no_room": 503}[code]
    api.on("GET", "/api/v2/info", problem(status, "it cannot be", code=code))
    lines = run("--patience", "0", "info").stderr.splitlines()
    assert lines == [f"Error: it cannot be ({code})", ADVICE[code]]


def test_an_error_without_advice_is_one_line(api: FakeApi, run: Run) -> None:
    api.on("GET", "/api/v2/info", problem(409, "it cannot be", code="of_a_later_version"))
    assert run("info").stderr == "Error: it cannot be (of_a_later_version)\n"


def test_there_is_advice_for_codes_that_the_api_has_and_commands_that_are_there() -> None:
    documented = (COMMANDS.parents[3] / "docs" / "problems.md").read_text()
    failures = (COMMANDS.parents[3] / "docs" / "failure-codes.md").read_text()
    for code, advice in ADVICE.items():
        assert f"| `{code}` |" in documented + failures, code
        for named in re.findall(r"`imagesearch ([a-z -]+?)(?: --|`| [A-Z])", advice):
            found: click.Command | None = main
            for word in named.split():
                assert isinstance(found, click.Group), advice
                found = found.commands.get(word)
            assert found is not None, advice


def test_an_api_that_cannot_be_reached_is_asked_where_it_is(api: FakeApi, run: Run) -> None:
    api.on("GET", "/api/v2/info", httpx.ConnectError("Connection refused"))
    assert "--server" in run("--patience", "0", "info").stderr.splitlines()[-1]
