from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from imagesearch.contract import ExtractBatch, ExtractItem, IndexBatch, JobState, Queue, TaskName
from imagesearch.errors import StoreUnavailable, TransientError
from imagesearch.job_progress import JobProgress
from imagesearch.messaging.progress import InMemoryProgressBoard
from imagesearch.pipeline import Preprocessing
from imagesearch.wire import Message
from imagesearch_extractor.embedding import SeededEmbedder
from imagesearch_extractor.reading import PictureReader
from imagesearch_extractor.tasks import BulkExtractor, is_wanted
from support.drawing import encoded, photo_like


class Claims:
    """Write down what is claimed and given up."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Queue, int]] = []
        self.given_up: set[int] = set()
        self._queued = 0

    @contextmanager
    def claimed(self, stage: Queue, batch_id: int) -> Iterator[None]:
        self.calls.append(("begin", stage, batch_id))
        try:
            yield
        finally:
            self.calls.append(("end", stage, batch_id))

    def queued(self, queue: str, batch_id: int) -> str:
        self._queued += 1
        return f"batch-{queue}-{batch_id}-{self._queued}"

    def is_given_up(self, batch_id: int) -> bool:
        return batch_id in self.given_up


class Redis:
    """Take messages, or be away for the first few."""

    def __init__(self, claims: Claims) -> None:
        self.away = 0
        self.sent: list[tuple[TaskName, Message, str | None]] = []
        self._claims = claims

    def __call__(self, task: TaskName, message: Message, *, task_id: str | None = None) -> None:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("redis", "away")
        assert self._claims.calls[-1][0] == "begin", "the claim ended before the result was safe"
        self.sent.append((task, message, task_id))


class AwayBoard(InMemoryProgressBoard):
    def read(self, job_id: str) -> JobProgress | None:
        raise StoreUnavailable("redis", "away")


@pytest.fixture
def claims() -> Claims:
    return Claims()


@pytest.fixture
def redis(claims: Claims) -> Redis:
    return Redis(claims)


@pytest.fixture
def bulk(seeded: SeededEmbedder, reader: PictureReader, claims: Claims, redis: Redis) -> BulkExtractor:
    return BulkExtractor(
        embedder=seeded,
        reader=reader,
        compute_batch=4,
        progress=InMemoryProgressBoard(),
        claims=claims,  # type: ignore[arg-type]
        publish=redis,
        stopping=Event(),
    )


@pytest.fixture
def batch(tmp_path: Path) -> ExtractBatch:
    (tmp_path / "a.jpg").write_bytes(encoded(photo_like(1)))
    return ExtractBatch(
        "job", 5, None, Preprocessing().to_dict(), (ExtractItem(1, str(tmp_path / "a.jpg"), None, 0),)
    )


def progress(state: JobState, age: float = 0.0) -> JobProgress:
    return JobProgress(
        job_id="job",
        collection="default",
        directory="/photos",
        state=state,
        total=9,
        indexed=1,
        unchanged=0,
        failed=0,
        cancelled=0,
        removed=0,
        rate=None,
        stalled=False,
        error=None,
        created_at=0.0,
        started_at=None,
        finished_at=None,
        revision=1,
        published_at=time.time() - age,
    )


CLAIMED_AND_ENDED = [("begin", Queue.EXTRACT, 5), ("end", Queue.EXTRACT, 5)]


def test_a_batch_goes_on_to_the_indexer(
    bulk: BulkExtractor, batch: ExtractBatch, redis: Redis, claims: Claims
) -> None:
    bulk.handle(batch)
    task, message, task_id = redis.sent[0]
    assert task == TaskName.INDEX
    assert isinstance(message, IndexBatch)
    assert len(message.images) == 1
    assert task_id is not None
    assert task_id.startswith("batch-index-5-")
    assert claims.calls == CLAIMED_AND_ENDED


def test_publishing_waits_for_redis_to_come_back(bulk: BulkExtractor, batch: ExtractBatch, redis: Redis) -> None:
    redis.away = 2
    bulk.handle(batch)
    assert len(redis.sent) == 1


def test_a_stopping_worker_gives_up_on_a_redis_that_is_away(
    bulk: BulkExtractor, batch: ExtractBatch, claims: Claims
) -> None:
    class Stopping(Redis):
        def __call__(self, task: TaskName, message: Message, *, task_id: str | None = None) -> None:
            bulk.stopping.set()
            raise StoreUnavailable("redis", "away")

    object.__setattr__(bulk, "publish", Stopping(claims))
    with pytest.raises(TransientError):
        bulk.handle(batch)
    assert claims.calls == CLAIMED_AND_ENDED


def test_a_batch_that_reaches_a_stopping_worker_goes_back_unread(
    bulk: BulkExtractor, batch: ExtractBatch, redis: Redis, claims: Claims
) -> None:
    bulk.stopping.set()
    with pytest.raises(TransientError):
        bulk.handle(batch)
    assert redis.sent == []
    assert claims.calls == CLAIMED_AND_ENDED


def test_a_batch_of_a_cancelled_job_is_dropped(
    bulk: BulkExtractor, batch: ExtractBatch, redis: Redis, claims: Claims
) -> None:
    bulk.progress.publish(progress(JobState.CANCELLED))
    bulk.handle(batch)
    assert redis.sent == []
    assert claims.calls == []


@pytest.mark.parametrize("state", [None, JobState.RUNNING])
def test_a_batch_that_was_given_up_is_dropped_whatever_is_known_of_its_job(
    bulk: BulkExtractor, batch: ExtractBatch, redis: Redis, claims: Claims, state: JobState | None
) -> None:
    if state is not None:
        bulk.progress.publish(progress(state))
    claims.given_up.add(batch.batch_id)
    bulk.handle(batch)
    assert redis.sent == []
    assert claims.calls == []


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.COMPLETED_WITH_FAILURES])
def test_a_batch_of_a_job_that_has_ended_is_dropped(state: JobState) -> None:
    assert not is_wanted(replace(progress(state), finished_at=1.0))


@pytest.mark.parametrize("state", [JobState.PLANNING, JobState.RUNNING, JobState.PAUSED])
def test_a_batch_of_any_other_job_is_worked_on(state: JobState) -> None:
    assert is_wanted(progress(state))
    assert is_wanted(None)


def test_without_an_answer_about_the_job_its_batch_is_worked_on(
    bulk: BulkExtractor, batch: ExtractBatch, redis: Redis
) -> None:
    object.__setattr__(bulk, "progress", AwayBoard())
    bulk.handle(batch)
    assert len(redis.sent) == 1


def test_two_deliveries_say_the_same_under_two_task_ids(
    bulk: BulkExtractor, batch: ExtractBatch, redis: Redis
) -> None:
    bulk.handle(batch)
    bulk.handle(batch)
    (_, first, first_id), (_, second, second_id) = redis.sent
    assert isinstance(first, IndexBatch)
    assert isinstance(second, IndexBatch)
    assert first == second
    assert first_id is not None
    assert second_id is not None
    assert first_id.startswith("batch-index-5-")
    assert second_id.startswith("batch-index-5-")
    assert first_id != second_id
