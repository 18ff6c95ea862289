"""`imagesearch index`: what it submits, what it prints on the way, how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from support.fake_api import FakeApi, Run, job, ok, script_failures

JOBS = "/api/v2/jobs"
JOB = "/api/v2/jobs/17"


def ends_as(api: FakeApi, state: str, **changes: object) -> None:
    api.on("POST", JOBS, ok(job("planning", total=0, indexed=0), 202))
    api.on("GET", JOB, ok(job()), ok(job(state, ended=True, **changes)))


def test_indexing_a_directory_shows_progress_and_its_sum(api: FakeApi, run: Run) -> None:
    ends_as(api, "succeeded", indexed=480)

    result = run("index", "/photos")

    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "running: 240 of 480 (50%), 40/s, 6 s left",
        "succeeded: 480 of 480 (100%)",
    ]
    assert result.stdout == "Job 17 succeeded: 480 of 480 indexed, 0 unchanged, 0 failed in 13 s\n"


def test_a_job_with_failures_exits_with_2_and_shows_the_first_of_each_code(api: FakeApi, run: Run) -> None:
    ends_as(api, "completed_with_failures", indexed=474, failed=6)
    truncated = [(f"/photos/{n}.jpg", "truncated", "the picture ends early") for n in range(5)]
    script_failures(api, *truncated, ("/photos/bomb.png", "too_large", "20000x20000 pixels are too many"))

    result = run("index", "/photos")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[2:] == [
        "  too_large: 1",
        "    /photos/bomb.png: 20000x20000 pixels are too many",
        "  truncated: 5",
        "    /photos/0.jpg: the picture ends early",
        "    /photos/1.jpg: the picture ends early",
        "    /photos/2.jpg: the picture ends early",
        "  All of them: imagesearch failures 17",
    ]


@pytest.mark.parametrize("state", ["failed", "cancelled", "a_state_of_a_later_version"])
def test_a_job_that_did_not_work_exits_with_1(api: FakeApi, run: Run, state: str) -> None:
    ends_as(api, state, error="the source has vanished")

    result = run("index", "/photos")

    assert result.exit_code == 1
    assert "the source has vanished" in result.stderr


def test_indexing_sends_what_was_asked(api: FakeApi, run: Run) -> None:
    ends_as(api, "succeeded")

    run(
        *("index", "/photos", "--collection", "cats", "--partition", "ann", "--prune", "--no-recursive"),
        *("--metadata", "year=2020", "--metadata", "owner=Ann = Bob", "--metadata", "ok=true"),
        *("--metadata", 'zip="01099"', "--metadata", "odd=NaN", "--metadata", "list=[1]", "--metadata", "none="),
    )

    assert api.sent_json(0) == {
        "source": "/photos",
        "collection": "cats",
        "recursive": False,
        "partition": "ann",
        "prune": True,
        "metadata": {
            "year": 2020,
            "owner": "Ann = Bob",
            "ok": True,
            "zip": "01099",
            "odd": "NaN",
            "list": "[1]",
            "none": "",
        },
    }


def test_a_relative_directory_is_made_absolute_for_the_server(
    api: FakeApi, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ends_as(api, "succeeded")

    run("index", "photos")

    assert api.sent_json(0)["source"] == str(tmp_path / "photos")


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_a_list_of_paths_is_indexed(api: FakeApi, run: Run, tmp_path: Path, source: str) -> None:
    ends_as(api, "succeeded")
    listing = "/photos/a.jpg\n\n/photos/b c.jpg\n"
    (tmp_path / "list.txt").write_text(listing)

    run("index", "--list", "-" if source == "stdin" else str(tmp_path / "list.txt"), input=listing)

    assert api.sent_json(0)["source"] == {"paths": ["/photos/a.jpg", "/photos/b c.jpg"]}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["index"], "name a DIRECTORY"),
        (["index", "/photos", "--list", "-"], "name a DIRECTORY"),
        (["index", "--list", "-"], "it names no path"),
        (["index", "/photos", "--metadata", "year"], "'year' is not KEY=VALUE"),
        (["index", "/photos\udcff"], "is not valid UTF-8"),
        (["search", "/no/such/picture.jpg"], "does not exist"),
        (["images", "show", "four"], "not a valid integer"),
        (["jobs", "--wait"], "--wait needs a JOB_ID"),
        (["--patience", "-1", "jobs"], "-1"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_wrong_command_line_exits_with_64_and_asks_nothing(
    api: FakeApi, run: Run, arguments: list[str], reason: str
) -> None:
    result = run(*arguments, input="")

    assert result.exit_code == 64
    assert reason in result.stderr
    assert api.requests == []


def test_a_list_in_another_encoding_is_refused(api: FakeApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes("/photos/é.jpg".encode("latin-1"))

    result = run("index", "--list", str(tmp_path / "list.txt"))

    assert result.exit_code == 64
    assert "not UTF-8" in result.stderr


def test_indexing_without_waiting_says_how_to_follow(api: FakeApi, run: Run) -> None:
    ends_as(api, "succeeded")

    result = run("--server", "http://other:5000", "index", "/photos", "--no-wait")

    assert result.exit_code == 0
    assert "imagesearch --server http://other:5000 jobs 17 --wait" in result.stdout
    assert len(api.requests) == 1


def test_an_interrupt_says_that_the_job_goes_on(api: FakeApi, run: Run) -> None:
    def interrupt(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    api.on("POST", JOBS, ok(job("planning"), 202))
    api.on("GET", JOB, ok(job()), interrupt)

    result = run("index", "/photos")

    assert result.exit_code == 130
    assert "Job 17 goes on" in result.stderr
    assert "imagesearch jobs 17 --wait" in result.stderr


def test_json_of_an_indexing_leaves_progress_to_stderr(api: FakeApi, run: Run) -> None:
    ends_as(api, "succeeded", indexed=480)

    result = run("index", "/photos", "--json")

    assert json.loads(result.stdout)["indexed"] == 480
    assert json.loads(result.stdout)["finished_at"] == "2025-05-01T10:00:13Z"
    assert "running: 240 of 480" in result.stderr
