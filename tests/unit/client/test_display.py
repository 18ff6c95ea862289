"""A job's progress: lines in logs, a bar on terminals, and the words of both."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest
from rich.console import Console

from imagesearch_client import Job, Unavailable
from imagesearch_client.display import show_progress
from imagesearch_client.wording import duration, standing, summary
from support.fake_api import Answer, FakeApi, job, ok, problem

JOB = "/api/v2/jobs/17"


def shown(api: FakeApi, *answers: Answer, terminal: bool = False, poll_seconds: float = 0.5) -> str:
    api.on("GET", JOB, *answers)
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, _environ={"TERM": "xterm"})
    show_progress(api.client(), "17", console, poll_seconds=poll_seconds, clock=api.clock)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def at(done: int, **changes: Any) -> httpx.Response:
    return ok(job(total=100, indexed=done, **changes))


def test_a_log_gets_a_line_per_state_and_tenth(api: FakeApi) -> None:
    looks = [at(done, rate=40.0, eta_seconds=None) for done in range(0, 100, 4)]

    text = shown(api, ok(job("planning", total=60, indexed=0, rate=None, eta_seconds=None)), *looks,
                 at(100, state="succeeded", ended=True))  # fmt: skip

    lines = text.splitlines()
    assert lines[0] == "planning: 60 found, 0 done"
    assert lines[1] == "running: 0 of 100 (0%), 40/s"
    assert lines[-1] == "succeeded: 100 of 100 (100%)"
    assert len(lines) == 2 + 8 + 1


def test_a_slow_job_still_gets_a_line_every_ten_seconds(api: FakeApi) -> None:
    looks = [at(done, rate=0.1, eta_seconds=None) for done in (1, 2, 3)]

    text = shown(api, *looks, at(3, state="cancelled", cancelled=97, ended=True), poll_seconds=5.0)

    assert text.splitlines() == [
        "running: 1 of 100 (1%), 0.1/s",
        "running: 3 of 100 (3%), 0.1/s",
        "cancelled: 100 of 100 (100%)",
    ]


def test_a_log_is_not_filled_with_the_same_line(api: FakeApi) -> None:
    text = shown(api, *[at(5)] * 100, at(100, state="succeeded", ended=True), poll_seconds=5.0)

    assert len(text.splitlines()) == 2


def test_a_log_says_once_that_the_api_is_away_and_then_where_the_job_stands(api: FakeApi) -> None:
    away = [problem(503, "redis is not available")] * 3

    text = shown(api, at(5), *away, at(6), at(100, state="succeeded", ended=True))

    assert text.splitlines()[1:3] == [
        "redis is not available; asking again",
        "running: 6 of 100 (6%), 40/s, 6 s left",
    ]
    assert text.count("not available") == 1


def test_brackets_are_no_markup(api: FakeApi) -> None:
    text = shown(api, problem(503, "[red]a[/] b"), at(100, state="succeeded", ended=True))

    assert "[red]a[/] b; asking again" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_the_ended_job_is_returned(api: FakeApi, terminal: bool) -> None:
    api.on("GET", JOB, at(5), ok(job("completed_with_failures", failed=3, ended=True)))
    console = Console(file=io.StringIO(), force_terminal=terminal)

    ended = show_progress(api.client(), "17", console, poll_seconds=0.0)

    assert (ended.state, ended.failed) == ("completed_with_failures", 3)


def test_a_terminal_gets_a_bar_with_counts_pace_time_left_and_failures(api: FakeApi) -> None:
    text = shown(
        api, at(40, failed=2), at(96, failed=4, state="completed_with_failures", ended=True), terminal=True
    )

    assert "completed with failures" in text
    assert "100/100" in text
    assert "4 failed" in text
    assert "━" in text


@pytest.mark.parametrize("state", ["planning", "succeeded", "failed"])
def test_a_terminal_shows_an_empty_job(api: FakeApi, state: str) -> None:
    text = shown(
        api,
        ok(job("planning", total=0, indexed=0)),
        ok(job(state, total=0, indexed=0, ended=True)),
        terminal=True,
    )

    assert "0/0" in text


def test_a_terminal_shows_that_the_api_is_away(api: FakeApi) -> None:
    api.on("GET", JOB, httpx.ConnectError("refused"))
    console = Console(file=io.StringIO(), force_terminal=True, width=100)

    with pytest.raises(Unavailable):
        show_progress(api.client(), "17", console)

    assert isinstance(console.file, io.StringIO)
    assert "away, asking again" in console.file.getvalue()


def test_an_interrupt_leaves_the_terminal_with_its_cursor(api: FakeApi) -> None:
    def interrupt(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    api.on("GET", JOB, at(5), interrupt)
    console = Console(file=io.StringIO(), force_terminal=True)

    with pytest.raises(KeyboardInterrupt):
        show_progress(api.client(), "17", console, poll_seconds=0.0)

    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (245, "4 min 05 s"),
        (3600, "1 h 00 min"),
        (90061, "25 h 01 min"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "running: 240 of 480 (50%), 40/s, 6 s left"),
        ({"failed": 3, "rate": 3.14}, "running: 243 of 480 (50%), 3.1/s, 6 s left, 3 failed"),
        ({"rate": None, "eta_seconds": None, "stalled": True}, "running: 240 of 480 (50%), stalled"),
        ({"state": "paused", "rate": 40.0, "eta_seconds": None}, "paused: 240 of 480 (50%)"),
        ({"total": 0, "indexed": 0, "rate": None, "eta_seconds": None}, "running: 0 of 0"),
        ({"state": "planning", "rate": None, "eta_seconds": None}, "planning: 480 found, 240 done"),
    ],
)
def test_a_standing_says_what_is_known(changes: dict[str, Any], words: str) -> None:
    assert standing(Job.parse(job(**changes))) == words


def test_a_job_that_is_nearly_done_does_not_read_as_done() -> None:
    assert "(99%)" in standing(Job.parse(job(total=100_000, indexed=99_999)))


def test_a_summary_names_every_outcome_and_the_reason() -> None:
    ended = Job.parse(job("failed", ended=True, failed=2, cancelled=238, error="the source has vanished"))

    assert summary(ended) == (
        "Job 17 failed: 240 of 480 indexed, 0 unchanged, 2 failed, 238 cancelled in 13 s (the source has vanished)"
    )


def test_a_summary_counts_what_pruning_removed() -> None:
    ended = Job.parse(job("succeeded", ended=True, indexed=0, unchanged=480, removed=3))

    assert summary(ended) == "Job 17 succeeded: 0 of 480 indexed, 480 unchanged, 0 failed, 3 removed in 13 s"
