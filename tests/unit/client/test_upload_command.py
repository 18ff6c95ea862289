"""`imagesearch upload`: what it sends, what it tells, how it exits."""

from __future__ import annotations

import io
import json
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from imagesearch_client.command.upload_display import UploadDisplay
from imagesearch_client.errors import Unavailable
from imagesearch_client.folder_upload import Delivery, Outcome, Walk
from support.fake_api import FakeApi, FakeClock, Run, ok, problem
from support.upload_api import IMAGES, UploadApi, refused


@pytest.fixture
def store(api: FakeApi) -> UploadApi:
    return UploadApi(api)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(5):
        (tmp_path / f"{number}.jpg").write_bytes(b"%d" % number)
    return tmp_path


def test_a_folder_is_sent_and_a_second_time_nothing_is(run: Run, store: UploadApi, folder: Path) -> None:
    first = run("upload", str(folder))
    assert (first.exit_code, first.stdout) == (0, "5 sent, 0 unchanged, 0 failed\n")
    second = run("upload", str(folder))
    assert (second.exit_code, second.stdout) == (0, "0 sent, 5 unchanged, 0 failed\n")
    assert store.uploads == 5


def test_failures_are_told_by_code_and_in_the_exit_code(run: Run, store: UploadApi, folder: Path) -> None:
    for number in range(4):
        store.refuses[b"%d" % number] = refused(415, "unsupported_format")
    (folder / "link.jpg").symlink_to(folder / "0.jpg")
    result = run("upload", str(folder), "--exclude", "4*")
    assert result.exit_code == 2
    assert result.stdout == "0 sent, 0 unchanged, 4 failed, 1 links left out, 1 other files left out\n"
    lines = result.stderr.splitlines()
    assert lines[0] == "  unsupported_format: 4"
    assert len(lines) == 4
    assert all(line.endswith(".jpg: it is unsupported_format") for line in lines[1:])


def test_json_is_a_line_for_each_file(run: Run, store: UploadApi, folder: Path) -> None:
    store.refuses[b"0"] = refused(400, "truncated")
    result = run("upload", str(folder), "--json")
    assert result.exit_code == 2
    told = {line["path"]: line for line in map(json.loads, result.stdout.splitlines())}
    assert len(told) == 5
    assert told[f"{folder}/0.jpg"] == {
        "path": f"{folder}/0.jpg",
        "outcome": "failed",
        "id": None,
        "code": "truncated",
        "reason": "it is truncated",
    }
    assert told[f"{folder}/1.jpg"]["outcome"] == "sent"
    assert "4 sent, 0 unchanged, 1 failed" in result.stderr


def test_paths_come_from_stdin(run: Run, store: UploadApi, folder: Path) -> None:
    result = run("upload", "-", input=f"{folder}/1.jpg\n\n{folder}/none.jpg\n")
    assert result.exit_code == 2
    assert result.stdout == "1 sent, 0 unchanged, 1 failed\n"
    assert "vanished: 1" in result.stderr


def test_labels_go_along(run: Run, store: UploadApi, folder: Path) -> None:
    labels = ("--partition", "anna", "--metadata", "year=1999", "--name-in", "file", "--include", "3.jpg")
    assert run("upload", str(folder), *labels).exit_code == 0
    assert store.metadata == {1: {"year": 1999, "file": "3.jpg"}}
    found = store.api.requests[[f"POST {IMAGES}/find" in asked for asked in store.api.asked].index(True)]
    assert json.loads(found.content)["partition"] == "anna"


def test_an_api_without_uploads_is_told_before_anything_is_read(run: Run, api: FakeApi, folder: Path) -> None:
    api.on("GET", "/api/v2/info", ok({"version": "1", "takes_uploads": False}))
    result = run("upload", str(folder))
    assert result.exit_code == 1
    assert "UPLOAD_ROOT" in result.stderr
    assert api.asked == ["GET /api/v2/info"]


def test_what_ends_a_run_early_is_told_with_what_was_sent(run: Run, store: UploadApi, folder: Path) -> None:
    store.refuses |= {b"%d" % number: refused(403, "quota_exceeded") for number in range(5)}
    result = run("upload", str(folder))
    assert (result.exit_code, result.stdout) == (1, "0 sent, 0 unchanged, 0 failed\n")
    assert result.stderr.splitlines() == [
        "Stopped; what was sent stays. Run it again to go on.",
        "Error: it is quota_exceeded (quota_exceeded)",
        "Delete pictures, or have the quota raised; `imagesearch quotas` shows it.",
    ]


def test_an_api_that_is_away_is_waited_for(run: Run, api: FakeApi, folder: Path) -> None:
    store = UploadApi(api)
    taken = iter([problem(503, "the postgres store does not answer")] * 8)

    def away_at_first(request: httpx.Request) -> httpx.Response:
        return next(taken, None) or store._take(request)

    api._script["POST", IMAGES] = [away_at_first]
    result = run("upload", str(folder))
    assert (result.exit_code, result.stdout) == (0, "5 sent, 0 unchanged, 0 failed\n")
    assert result.stderr.count("asking again") >= 1
    assert sum(api.clock.sleeps) > 0


def test_a_log_has_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    with UploadDisplay(Console(stderr=True), Walk([]), clock) as display:
        for _ in range(50):
            display.show(Delivery("/a.jpg", Outcome.SENT, 1))
            clock.sleep(1)
        display.show_pause(Unavailable("cannot reach it"), 1)
        display.show_pause(Unavailable("cannot reach it"), 1)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[-1] == "cannot reach it; asking again"


def test_a_terminal_sees_how_far_it_is() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    walk = Walk([])
    walk.found = 1_234
    with UploadDisplay(console, walk) as display:
        display.show(Delivery("/a.jpg", Outcome.SENT, 1))
        display.show(Delivery("/b.jpg", Outcome.FAILED, None, "empty", "it holds no bytes"))
    assert isinstance(console.file, io.StringIO)
    assert "1,234 found so far, 1 sent, 0 unchanged, 1 failed" in console.file.getvalue()


def test_an_interrupt_keeps_what_was_sent_and_says_so(run: Run, store: UploadApi, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(UploadDisplay, "show", interrupt)
        result = run("upload", str(folder))
    assert result.exit_code == 130
    assert "Run it again to go on" in result.stderr
    assert run("upload", str(folder)).stdout.endswith(" unchanged, 0 failed\n")
    assert store.uploads == 5


def test_nothing_is_drawn_where_stderr_is_no_terminal(run: Run, store: UploadApi, folder: Path) -> None:
    assert run("upload", str(folder)).stderr == ""
