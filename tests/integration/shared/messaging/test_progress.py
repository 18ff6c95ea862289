"""Reports on a job's progress, in Celery's result backend over a real Valkey and in the twin."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from imagesearch.contract import JobState
from imagesearch.job_progress import JobProgress
from imagesearch.messaging.broker import close_celery, create_celery
from imagesearch.messaging.progress import (
    FRESH_SECONDS,
    PROGRESS_STATE,
    CeleryProgressBoard,
    InMemoryProgressBoard,
    ProgressBoard,
    Report,
)
from imagesearch.settings import RedisSettings
from support.clocks import shifted
from support.records import job_record
from support.valkey_server import ValkeyServer
from support.waiting import TIMEOUT

pytestmark = [
    pytest.mark.integration,
    # Celery's backend calls what redis-py has renamed.
    pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning"),
]


@pytest.fixture
def celery_board(tmp_path: Path) -> Iterator[CeleryProgressBoard]:
    with ValkeyServer(tmp_path / "valkey") as server:
        app = create_celery(RedisSettings(redis_url=server.url))
        yield CeleryProgressBoard(app)
        close_celery(app)


@pytest.fixture(params=["celery", "twin"])
def board(request: pytest.FixtureRequest) -> ProgressBoard:
    if request.param == "twin":
        return InMemoryProgressBoard()
    made: ProgressBoard = request.getfixturevalue("celery_board")
    return made


def shown(board: ProgressBoard, job_id: str) -> JobProgress | None:
    """Return what a board shows, but for the time at which it was published."""
    found = board.read(job_id)
    return replace(found, published_at=0.0) if found is not None else None


def report(revision: int, state: JobState) -> JobProgress:
    ended = time.time() if state.has_ended else None
    return replace(job_record(state=state).progress(), revision=revision, finished_at=ended)


def test_a_late_report_does_not_let_a_job_that_has_ended_run_again(board: ProgressBoard) -> None:
    late, last = report(7, JobState.RUNNING), report(8, JobState.SUCCEEDED)
    board.publish(last)
    board.publish(late)
    assert shown(board, last.job_id) == last


def test_a_newer_report_and_a_later_look_at_the_same_take_the_place_of_one(board: ProgressBoard) -> None:
    first, second = report(7, JobState.RUNNING), report(8, JobState.RUNNING)
    board.publish(first)
    board.publish(second)
    assert shown(board, first.job_id) == second
    again = replace(second, total=second.total + 1)
    board.publish(again)
    assert shown(board, first.job_id) == again


def test_a_report_that_is_written_while_another_one_looks_is_not_lost(
    celery_board: CeleryProgressBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, newer = report(7, JobState.RUNNING), report(8, JobState.RUNNING)
    find = celery_board._find

    def find_and_be_overtaken(job_id: str) -> tuple[bytes | None, float]:
        found = find(job_id)
        monkeypatch.undo()
        celery_board.publish(newer)
        return found

    monkeypatch.setattr(celery_board, "_find", find_and_be_overtaken)
    celery_board.publish(late)
    assert shown(celery_board, late.job_id) == newer


def test_a_report_is_what_celery_would_have_stored(celery_board: CeleryProgressBoard) -> None:
    backend, stored = celery_board._backend, report(7, JobState.RUNNING)
    celery_board.publish(stored)
    ours = backend.get_task_meta(stored.job_id)
    backend.store_result(stored.job_id, ours["result"], PROGRESS_STATE)
    assert ours == backend.get_task_meta(stored.job_id)


def test_a_report_expires(celery_board: CeleryProgressBoard) -> None:
    backend, stored = celery_board._backend, report(7, JobState.RUNNING)
    celery_board.publish(stored)
    assert 0 < backend.client.ttl(backend.get_key_for_task(stored.job_id)) <= backend.expires


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_age_of_a_report_depends_on_the_clock_of_no_process(
    board: ProgressBoard, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shifted(monkeypatch, hours):
        board.publish(report(7, JobState.RUNNING))
    look = board.look(report(7, JobState.RUNNING).job_id)
    assert look is not None
    assert 0 <= look.age < TIMEOUT
    with shifted(monkeypatch, hours):
        again = board.look(look.progress.job_id)
    assert again is not None
    assert look.age <= again.age < TIMEOUT


def test_an_old_report_and_that_of_a_job_that_has_ended_are_not_fresh() -> None:
    running, ended = report(7, JobState.RUNNING), report(8, JobState.SUCCEEDED)
    assert Report(running, FRESH_SECONDS - 1).is_fresh
    assert not Report(running, FRESH_SECONDS).is_fresh
    assert not Report(ended, 0.0).is_fresh
