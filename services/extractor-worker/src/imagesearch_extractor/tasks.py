"""What the worker's tasks do, apart from Celery."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Event
from typing import Protocol

import structlog

from imagesearch import tracing
from imagesearch.contract import ExtractBatch, IndexBatch, JobState, Queue, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.job_progress import JobProgress
from imagesearch.messaging.claims import BatchClaims
from imagesearch.messaging.progress import ProgressBoard
from imagesearch.metrics import STAGE_SECONDS
from imagesearch.retry import retry_transient
from imagesearch.wire import Message
from imagesearch_extractor.embedding import Embedder
from imagesearch_extractor.extraction import extract
from imagesearch_extractor.reading import PictureReader

log = structlog.get_logger()


class Publish(Protocol):
    """Send a message under a task id; raises `StoreUnavailable`."""

    def __call__(self, task: TaskName, message: Message, *, task_id: str | None = None) -> None:
        """Send it."""


@dataclass(frozen=True)
class BulkExtractor:
    """Bundle what a bulk worker works with: built once a process, or by tests with twins.

    Attributes:
        compute_batch: pictures in one forward pass.
        stopping: set when the process was told to stop.
    """

    embedder: Embedder
    reader: PictureReader
    compute_batch: int
    progress: ProgressBoard
    claims: BatchClaims
    publish: Publish
    stopping: Event

    def handle(self, batch: ExtractBatch) -> None:
        """Extract a batch and send it on; any number of deliveries give the indexer the same to write.

        Raises:
            TransientError: the worker is stopping, and the batch must go back to the queue.
        """
        if not self._is_wanted(batch):
            log.info("batch.dropped", job=batch.job_id, batch=batch.batch_id)
            return
        with self.claims.claimed(Queue.EXTRACT, batch.batch_id):
            self._send_on(self._extract(batch))

    def _is_wanted(self, batch: ExtractBatch) -> bool:
        try:
            # A report may have expired, or speak of the job as it was before a retry or has been since.
            return is_wanted(self.progress.read(batch.job_id)) and not self.claims.is_given_up(batch.batch_id)
        except StoreUnavailable:
            return True

    def _extract(self, batch: ExtractBatch) -> IndexBatch:
        started = time.monotonic()
        with STAGE_SECONDS.labels("extract").time(), tracing.step("extract"):
            done = extract(
                batch,
                embedder=self.embedder,
                reader=self.reader,
                compute_batch=self.compute_batch,
                stopping=self.stopping,
            )
        log.info(
            "batch.extracted",
            job=batch.job_id,
            batch=batch.batch_id,
            images=len(done.images),
            unchanged=len(done.unchanged),
            failed=len(done.failures),
            seconds=round(time.monotonic() - started, 2),
        )
        return done

    def _send_on(self, done: IndexBatch) -> None:
        def send() -> None:
            task_id = self.claims.queued(Queue.INDEX.value, done.batch_id)
            self.publish(TaskName.INDEX, done, task_id=task_id)

        with STAGE_SECONDS.labels("send").time(), tracing.step("send"):
            retry_transient(send, self.stopping, doing="publishing vectors")


def is_wanted(progress: JobProgress | None) -> bool:
    """Tell whether a job's batches should be worked on, from the last report about the job, if any.

    The batches that a paused job has in flight are finished: if they were dropped, they would have to be found
    missing and sent again when the job is resumed. A batch of a job that has ended was delivered again after its
    worker died, and another worker has done it since.
    """
    return progress is None or not (progress.ended or progress.state == JobState.CANCELLED)
