"""Measure a system at work: pictures a second, and how long an upload takes beside jobs that plan."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from uuid import uuid4

from bench.report import Report
from bench.scale import running
from bench.scale.batches import answered
from bench.scale.cpu import all_of, spent_by
from bench.scale.ground import Place
from bench.scale.planning import lay_out
from bench.scale.stages import seeded, with_job
from bench.scale.timing import require
from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import single_image
from imagesearch.catalog.labels import NO_LABELS
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import ExtractBatch, ExtractItem, JobState, PlanJob, TaskName
from imagesearch.messaging.broker import close_celery, create_celery, send
from imagesearch.wire import Message
from support import seeding
from support.seeding import BATCH
from support.stores import Stores
from support.waiting import until

NUMBERS = (1, 4, 16, 64)
SECONDS_EACH = 1 / 4
"""That a picture takes an extractor: with 64 of them less than one indexer can write."""
FAST_SECONDS_EACH = 1 / 64
"""That is more than one indexer can write."""
PATHS = 400_000
"""Of the job: a quarter of them waits in batches."""
PERIODS = 3
"""Batches of each extractor that are counted, behind the first."""
MIN_LINEAR = 0.9
PLANNING_JOBS = 10
FILES = 40_000
"""In the folder of each job that plans."""
UPLOADS = 20
UPLOAD_EVERY_SECONDS = 1.0
"""A rate, so that the uploads lie along the planning beside them; one that takes longer is followed at once."""


@dataclass(frozen=True, slots=True)
class System:
    """Hold a system at work, and what is needed to look at it.

    Attributes:
        indexer: its process.
        publish: sends a message to it.
        output: where its processes write.
    """

    catalog: Catalog
    place: Place
    indexer: int
    publish: Callable[[TaskName, Message], None]
    output: Path

    def done(self) -> int:
        """Return how many paths of the job have their outcome."""
        with self.catalog.reading() as tx:
            return jobs.get(tx, self.place.job_id).done

    def wait(self, done: int) -> None:
        """Wait until so many paths of the job have their outcome; fail where none gets any."""
        until(lambda: self.done() >= done, moves=self.done, output=self.output)

    def wait_ended(self, job_id: str) -> None:
        """Wait until a job has ended."""

        def is_over() -> bool:
            with self.catalog.reading() as tx:
                return jobs.get(tx, job_id).finished_at is not None

        until(is_over, output=self.output)

    def spent(self) -> dict[str, float]:
        """Return what has been spent of the CPU so far, by whom."""
        with self.catalog.reading() as tx:
            sessions = seeding.sessions_of_indexers(tx)
        postgres, valkey = sum(map(spent_by, sessions)), spent_by(self.place.servers.valkey)
        return {"indexer": all_of(self.indexer), "postgres": postgres, "valkey": valkey}


def measure(report: Report, stores: Stores, root: Path) -> None:
    """Measure both on one catalogue."""
    with seeded(stores, PATHS, PATHS, root) as (alone, catalog), ExitStack() as resources:
        place, output = with_job(catalog, alone), root / "processes.log"
        app = create_celery(stores.redis)
        resources.callback(close_celery, app)
        process = resources.enter_context(
            running.indexer(place.postgres, place.redis, place.folder.parent, output)
        )
        system = System(catalog, place, process, partial(send, app), output)
        for number in NUMBERS:
            linear = _throughput(report, system, number, SECONDS_EACH)
            report.add(
                f"{number} extractors, of linear", f"{linear:.2f}", f">= {MIN_LINEAR}", linear >= MIN_LINEAR
            )
        _throughput(report, system, max(NUMBERS), FAST_SECONDS_EACH)
        with catalog.transaction() as tx:
            jobs.pause(tx, place.job_id)
        # Behind the batches that are still on their way.
        _upload(system)
        _report(report, "an upload, nothing beside it", _uploads(system))
        _plan(system)
        _report(report, f"an upload beside {PLANNING_JOBS} jobs that plan", _uploads(system))
        with catalog.reading() as tx:
            left = sum(job.state == JobState.PLANNING for job in jobs.open_jobs(tx))
        require(left > 0, "planning ended before the uploads did")


def _throughput(report: Report, system: System, number: int, seconds_each: float) -> float:
    """Measure how much goes through; return which part of what so many extractors could do."""
    with running.extractors(system.place.redis, number, seconds_each, system.output):
        before = system.done()
        # Whoever plans gives out the room that new extractors have made.
        system.publish(TaskName.PLAN, PlanJob(system.place.job_id))
        # They begin together, and so do their batches end: what is counted begins with the end of some.
        system.wait(before + BATCH * number)
        spent, done, began = system.spent(), system.done(), time.monotonic()
        system.wait(done + BATCH * number * PERIODS)
        paths, took = system.done() - done, time.monotonic() - began
        costs = {who: (after - spent[who]) / paths * BATCH * 1e3 for who, after in system.spent().items()}
    name = f"{number} extractors of {1 / seconds_each:.0f} pictures a second"
    report.add(name, f"{paths / took:.0f} a second")
    shares = ", ".join(f"{who} {cost:.1f}" for who, cost in costs.items())
    report.add(f"{name}: ms of the CPU a batch", shares)
    return paths / took * seconds_each / number


def _plan(system: System) -> None:
    """Have jobs planned that take longer than the uploads beside them."""
    folders = [system.place.folder.parent / f"planned-{number}" for number in range(PLANNING_JOBS)]
    for folder in folders:
        lay_out(folder, FILES)
    for folder in folders:
        job = jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory=str(folder))
        with system.catalog.transaction() as tx:
            jobs.create(tx, system.place.collection_id, job)
        system.publish(TaskName.PLAN, PlanJob(job.id))


def _uploads(system: System) -> list[float]:
    """Upload a picture every second; return how long each took until it was indexed."""
    taken = []
    for _ in range(UPLOADS):
        taken.append(_upload(system))
        time.sleep(max(0.0, UPLOAD_EVERY_SECONDS - taken[-1]))
    return taken


def _upload(system: System) -> float:
    """Give a picture its job, as the API does with what was uploaded and extracted."""
    place, path = system.place, f"{system.place.folder}/{uuid4()}.jpg"
    began = time.perf_counter()
    with system.catalog.transaction() as tx:
        image = images.ensure_rows(tx, place.collection_id, [path], None, None)[path]
        job_id, batch_id = single_image.begin(tx, image, NO_LABELS)
        collection = collections.by_id(tx, place.collection_id)
    item = ExtractItem(image.id, path, None, image.version)
    options = collection.preprocessing.to_dict()
    system.publish(
        TaskName.INDEX, answered(ExtractBatch(job_id, batch_id, None, options, (item,), collection.generation))
    )
    system.wait_ended(job_id)
    return time.perf_counter() - began


def _report(report: Report, name: str, taken: list[float]) -> None:
    report.add(name, f"{median(taken) * 1e3:.0f} ms, worst {max(taken) * 1e3:.0f} ms")
