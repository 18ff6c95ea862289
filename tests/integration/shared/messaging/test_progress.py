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
from imagesearch.messaging.progress import CeleryProgressBoard, InMemoryProgressBoard, ProgressBoard
from imagesearch.settings import RedisSettings
from support.records import job_record
from support.valkey_server import ValkeyServer

pytestmark = [
    pytest.mark.integration,
    # Celery's backend calls what redis-py has renamed.
    pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning"),
]


@pytest.fixture(params=["celery", "twin"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProgressBoard]:
    if request.param == "twin":
        yield InMemoryProgressBoard()
        return
    with ValkeyServer(tmp_path / "valkey") as server:
        app = create_celery(RedisSettings(redis_url=server.url))
        yield CeleryProgressBoard(app)
        close_celery(app)


def report(revision: int, state: JobState) -> JobProgress:
    ended = time.time() if state.has_ended else None
    return replace(job_record(state=state).progress(), revision=revision, finished_at=ended)


def test_a_late_report_does_not_let_a_job_that_has_ended_run_again(board: ProgressBoard) -> None:
    late, last = report(7, JobState.RUNNING), report(8, JobState.SUCCEEDED)
    board.publish(last)
    board.publish(late)
    assert board.read(last.job_id) == last


def test_a_newer_report_and_a_later_look_at_the_same_take_the_place_of_one(board: ProgressBoard) -> None:
    first, second = report(7, JobState.RUNNING), report(8, JobState.RUNNING)
    board.publish(first)
    board.publish(second)
    assert board.read(first.job_id) == second
    again = replace(second, published_at=second.published_at + 1)
    board.publish(again)
    assert board.read(first.job_id) == again
