"""Who waits for a job is answered at its end, in time, and when the process stops; who watches sees each move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from imagesearch.access.tenants import NOBODY
from imagesearch.contract import JobState
from imagesearch.errors import NotFound, StoreUnavailable
from imagesearch.job_progress import JobProgress
from imagesearch.messaging.progress import InMemoryProgressBoard
from imagesearch_api.jobs import waiting
from imagesearch_api.jobs.ports import Jobs
from imagesearch_api.jobs.waiting import KEEP_ALIVE_SECONDS, wait_for_end, watch
from support.api_twin import Down, services_of
from support.records import job_record

BEGUN = job_record(id="6a1f", state=JobState.RUNNING, total=10, revision=1).progress()


def ended(job: JobProgress) -> JobProgress:
    return replace(job, state=JobState.SUCCEEDED, indexed=10, finished_at=9.0, revision=job.revision + 1)


class Watched:
    """A job whose waiters pass the time themselves, and which moves while they do."""

    def __init__(self, moves: list[Callable[[JobProgress], JobProgress]]) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.stops = False
        self.job = BEGUN
        self._moves = moves
        self._board = InMemoryProgressBoard(clock=lambda: 0.0)
        self._board.publish(self.job)
        self.ports: Jobs = services_of(catalog=Down(), progress=self._board).jobs

    def pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += seconds
        if self._moves:
            self.job = self._moves.pop(0)(self.job)
            self._board.publish(self.job)
        return self.stops

    def timed(self, seconds: float) -> dict[str, Any]:
        return {"seconds": seconds, "pause": self.pause, "clock": lambda: self.now}

    def waited(self, seconds: float) -> JobProgress:
        return wait_for_end(self.ports, "6a1f", NOBODY, **self.timed(seconds))

    def seen(self, seconds: float) -> list[int | None]:
        found = watch(self.ports, self.job, NOBODY, **self.timed(seconds))
        return [None if job is None else job.revision for job in found]


def stay(job: JobProgress) -> JobProgress:
    return job


def move(job: JobProgress) -> JobProgress:
    return replace(job, indexed=job.indexed + 1, revision=job.revision + 1)


def test_who_does_not_wait_is_answered_at_once() -> None:
    system = Watched([])
    assert system.waited(0).revision == 1
    assert system.pauses == []


def test_the_end_of_a_job_ends_the_waiting() -> None:
    system = Watched([stay, move, ended, move])
    assert system.waited(30).ended
    assert len(system.pauses) == 3


def test_the_time_ends_the_waiting_and_is_not_exceeded() -> None:
    system = Watched([])
    assert not system.waited(2.5).ended
    assert system.now == 2.5


def test_a_process_that_stops_answers_whoever_waits() -> None:
    system = Watched([])
    system.stops = True
    assert not system.waited(30).ended
    assert len(system.pauses) == 1


def test_each_move_is_seen_once_and_the_end_is_the_last() -> None:
    assert Watched([move, stay, move, ended, move]).seen(60) == [1, 2, 3, 4]


def test_a_job_that_stands_still_is_watched_until_the_time_is_up_with_signs_of_life() -> None:
    system = Watched([])
    assert system.seen(3 * KEEP_ALIVE_SECONDS) == [1, None, None, None]
    assert system.now == 3 * KEEP_ALIVE_SECONDS


def test_watching_ends_with_the_process() -> None:
    system = Watched([move])
    system.stops = True
    assert system.seen(60) == [1]


def test_stores_that_are_away_for_a_moment_end_no_watching(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[JobProgress | Exception] = iter([StoreUnavailable("redis", "away"), ended(BEGUN)])
    system = Watched([])
    monkeypatch.setattr(waiting, "follow", _scripted(answers))
    assert system.seen(60) == [1, 2]


def test_a_job_that_has_left_the_callers_reach_is_watched_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    system = Watched([])
    monkeypatch.setattr(waiting, "follow", _scripted(iter([NotFound("gone")])))
    assert system.seen(60) == [1]


def _scripted(answers: Iterator[JobProgress | Exception]) -> Callable[..., JobProgress]:
    def follow(*_: object) -> JobProgress:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    return follow
