"""The indexer on a real catalogue, with everything around it in the test's hands.

Messages are kept instead of sent; the test delivers them, in any order and as often as it likes. The
extractor is a stand-in that reads the files and makes a vector out of their digest: `BAD` content fails.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import sqlalchemy as sa

from imagesearch import tracing
from imagesearch.catalog import collections, image_counts, jobs, naming
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import counters, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.quotas import counts as quota_counts
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.states import JobOrigin
from imagesearch.catalog.tables import images, job_items
from imagesearch.catalog.tables import jobs as job_table
from imagesearch.contract import (
    ExtractBatch,
    ExtractedImage,
    FailedImage,
    IndexBatch,
    JobKind,
    Outcome,
    PlanJob,
    TaskName,
    UnchangedImage,
    pack_vectors,
)
from imagesearch.errors import StoreUnavailable
from imagesearch.failures import FailureCode
from imagesearch.files.exports import Exports
from imagesearch.files.facts import mtime_ns
from imagesearch.files.roots import Roots
from imagesearch.files.uploaded_objects import UploadedObjects
from imagesearch.messaging.claims import InFlight
from imagesearch.messaging.progress import InMemoryProgressBoard
from imagesearch.networks import VGG16, NetworkSpec
from imagesearch.pictures import exif_facts
from imagesearch.pipeline import Preprocessing
from imagesearch.vectors import VectorStore
from imagesearch.vectors.memory import InMemoryVectorStore
from imagesearch.wire import Message
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.deletion import collect
from imagesearch_indexer.lifecycle.uploaded_files import remove_stray_files
from imagesearch_indexer.settings import IndexerSettings
from imagesearch_indexer.tasks import KINDS, plan_job

MODEL = "vgg16-max-512:test"
BAD = b"not a picture"


@dataclass
class World:
    """Hold an indexer and the messages that it sent.

    Attributes:
        is_broker_down: makes every send fail.
        inferences: how many pictures the stand-in extractor has computed.
        contents: the bytes that it has read, by their digest.
        queues: where each batch was sent last.
        traces: what each batch was recorded as a part of when it was sent last.
    """

    catalog: Catalog
    vectors: VectorStore
    in_flight: InFlight
    root: Path
    settings: IndexerSettings
    upload_root: Path | None = None
    objects: UploadedObjects | None = None
    exports: Exports | None = None
    outbox: list[tuple[TaskName, Message]] = field(default_factory=list)
    progress: InMemoryProgressBoard = field(default_factory=InMemoryProgressBoard)
    is_broker_down: bool = False
    model: str = MODEL
    inferences: int = 0
    contents: dict[str, bytes] = field(default_factory=dict)
    queues: dict[int, str] = field(default_factory=dict)
    traces: dict[int, str | None] = field(default_factory=dict)

    @property
    def indexer(self) -> Indexer:
        return Indexer(
            catalog=self.catalog,
            vectors=self.vectors,
            progress=self.progress,
            in_flight=self.in_flight,
            send=self._send,
            roots=self.roots,
            settings=self.settings,
            kinds=KINDS,
            exports=self.exports,
        )

    @property
    def roots(self) -> Roots:
        return Roots((self.root,), self.upload_root, self.objects)

    def _send(
        self, task: TaskName, message: Message, task_id: str | None = None, *, queue: str | None = None
    ) -> None:
        if self.is_broker_down:
            raise StoreUnavailable("redis", "down in this test")
        self.outbox.append((task, message))
        if isinstance(message, ExtractBatch):
            assert queue is not None
            self.queues[message.batch_id] = queue
            self.traces[message.batch_id] = tracing.headers().get(tracing.HEADER)

    def taken(self, task: TaskName) -> list[Message]:
        """Take the messages of one kind out of the outbox."""
        found = [message for sent, message in self.outbox if sent == task]
        self.outbox = [(sent, message) for sent, message in self.outbox if sent != task]
        return found

    def write(self, *names: str, content: bytes | None = None) -> list[Path]:
        """Write files whose content is their own name, or the one given."""
        paths = [self.root / name for name in names]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if content is not None else path.name.encode())
        return paths

    def submit(self, source: Path | list[Path], collection: str = "default", **options: object) -> str:
        """Commit a job the way the API does, and return its id."""
        directory = str(source) if isinstance(source, Path) else None
        job = jobs.NewJob(**{"id": str(uuid4()), "origin": JobOrigin.V2, "directory": directory, **options})  # type: ignore[arg-type]
        with self.catalog.transaction() as tx:
            made, _ = collections.create(tx, collection)
            jobs.create(tx, made.id, job)
            if isinstance(source, list):
                submitted, outcomes = ledger.record(tx, job.id, [Item(str(path)) for path in source])
                counters.count(tx, job.id, outcomes, submitted=submitted)
        return job.id

    def submit_reindex(
        self,
        collection: str = "default",
        *,
        model: str | None = None,
        preprocessing: Preprocessing | None = None,
        index_type: str = "FLAT",
        extract: bool = False,
    ) -> str:
        """Commit a reindex the way the API does, and return the id of its job."""
        with self.catalog.transaction() as tx:
            found = collections.get(tx, collection)
            job = builds.submit(
                tx,
                found,
                jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory=None, kind=JobKind.REINDEX),
                index_type=index_type,
                index_params={},
                preprocessing=preprocessing or found.preprocessing,
                network=NetworkSpec(found.network, found.dimension),
                model=model or found.model,
                extract=extract,
            )
        return job.id

    def plan(self, job_id: str) -> None:
        """Deliver planning messages until there are none left."""
        plan_job(self.indexer, PlanJob(job_id))
        while self.taken(TaskName.PLAN):
            plan_job(self.indexer, PlanJob(job_id))

    def extract(self, batch: ExtractBatch, model: str | None = None) -> IndexBatch:
        """Answer a batch as an extractor would."""
        done: list[ExtractedImage] = []
        unchanged: list[UnchangedImage] = []
        failures: list[FailedImage] = []
        vectors = []
        for item in batch.items:
            path = Path(item.path)
            try:
                data, facts = path.read_bytes(), path.stat()
            except FileNotFoundError:
                failures.append(FailedImage(item.image_id, FailureCode.VANISHED, "gone", item.expected_version))
                continue
            digest = hashlib.sha256(data).hexdigest()
            self.contents[digest] = data
            told = exif_facts.read(data, batch.facts) if batch.facts else None
            if data == BAD:
                code = FailureCode.UNREADABLE
                failures.append(FailedImage(item.image_id, code, "not a picture", item.expected_version))
            elif digest == item.known_sha256:
                size, mtime = facts.st_size, mtime_ns(facts)
                unchanged.append(UnchangedImage(item.image_id, digest, size, mtime, item.expected_version, told))
            else:
                self.inferences += 1
                size, mtime = facts.st_size, mtime_ns(facts)
                version = item.expected_version
                done.append(ExtractedImage(item.image_id, digest, size, mtime, 8, 8, "PNG", version, told))
                vectors.append(vector_of(data, batch.preprocessing))
        stacked = np.array(vectors, dtype=np.float32).reshape(len(vectors), VGG16.dimension)
        return IndexBatch(
            job_id=batch.job_id,
            batch_id=batch.batch_id,
            model=model or self.model,
            images=tuple(done),
            vectors=pack_vectors(stacked),
            unchanged=tuple(unchanged),
            failures=tuple(failures),
            generation=batch.generation,
        )

    def work(self) -> None:
        """Deliver every message until the outbox is empty."""
        while self.outbox:
            for plan in self.taken(TaskName.PLAN):
                assert isinstance(plan, PlanJob)
                plan_job(self.indexer, plan)
            for batch in self.taken(TaskName.EXTRACT):
                assert isinstance(batch, ExtractBatch)
                index_batch(self.indexer, self.extract(batch))
            for answer in self.taken(TaskName.INDEX):
                assert isinstance(answer, IndexBatch)
                index_batch(self.indexer, answer)

    def run(self, source: Path | list[Path], collection: str = "default", **options: object) -> jobs.Job:
        """Submit a job and do all its work."""
        job_id = self.submit(source, collection, **options)
        self.plan(job_id)
        self.work()
        return self.job(job_id)

    def job(self, job_id: str) -> jobs.Job:
        with self.catalog.transaction() as tx:
            return jobs.get(tx, job_id)

    def outcomes(self, job_id: str) -> dict[str, str]:
        """Return outcome, or code where it failed, by file name."""
        with self.catalog.transaction() as tx:
            rows = tx.execute(
                sa.select(job_items.c.path, job_items.c.outcome, job_items.c.code).where(
                    job_items.c.job_id == job_id
                )
            ).all()
        return {Path(row.path).name: row.code or row.outcome for row in rows}

    def states(self) -> dict[str, str]:
        """Return the state of each image row by file name."""
        with self.catalog.transaction() as tx:
            return {Path(row.path).name: row.state for row in tx.execute(sa.select(images.c.path, images.c.state))}

    def collection(self, name: str = "default") -> collections.Collection:
        with self.catalog.transaction() as tx:
            return collections.get(tx, name)

    def check(self, *, collection: str = "default") -> None:
        """Assert what must hold after whatever happened: rows name all vectors, counters are the ledger."""
        self.collect()
        found = self.collection(collection)
        with self.catalog.transaction() as tx:
            rows = tx.execute(
                sa.select(images.c.vector_key).where(
                    images.c.collection_id == found.id, images.c.state == "indexed"
                )
            ).scalars()
            named = sorted(rows)
            every = tx.execute(sa.select(job_table.c.id)).scalars().all()
            kept = image_counts.indexed(tx, [found.id])[found.id]
            checked = quota_counts.check_next(tx, found.id, behind=-1)
        assert self.vectors.count(found.vector_collection, strong=True) == len(named) == kept
        assert self.vectors.keys(found.vector_collection, after=0, limit=16_000) == named
        assert checked is None or checked.lacking == {}
        for job_id in every:
            self.check_ledger(job_id)

    def collect(self) -> None:
        """Delete what rows do not name any more, as if its time had come."""
        collect(self.indexer, timedelta(0))
        remove_stray_files(self.indexer)

    def labels_in_store(self, name: str, key: int) -> tuple[str, dict[str, object]] | None:
        """Return partition and metadata beside a vector, where the store is one that can be looked into."""
        store = getattr(self.vectors, "written", self.vectors)
        if not isinstance(store, InMemoryVectorStore):
            return None
        row = store._collections[name].rows[key]
        return row.partition, row.metadata

    def keys(self, *names: str) -> list[int | None]:
        """Return the keys that the rows of these files name."""
        with self.catalog.transaction() as tx:
            found = {Path(row.path).name: row.vector_key for row in tx.execute(sa.select(images))}
        return [found[name] for name in names]

    def delete(self, *names: str) -> None:
        """Delete the images of these files, as a caller does."""
        with self.catalog.transaction() as tx:
            wanted = [row.id for row in tx.execute(sa.select(images)) if Path(row.path).name in names]
        self.delete_ids(wanted)

    def delete_ids(self, image_ids: Sequence[int], collection: str = "default") -> None:
        """Delete images, as a caller does."""
        with self.catalog.transaction() as tx:
            held = collections.lock_shared(tx, collections.get(tx, collection).id)
            assert naming.delete(tx, held, image_ids) == sorted(image_ids)

    def check_ledger(self, job_id: str) -> None:
        """Assert that a job's counters are what its ledger says."""
        with self.catalog.transaction() as tx:
            job = jobs.get(tx, job_id)
            counted = ledger.count_slice(tx, job_id, after="", limit=1_000_000)
        folded = Counter({Outcome(word): number for word, number in job.folded.items()})
        assert (job.total, job.outcomes) == (counted.total + folded.total(), counted.outcomes + folded)
        if job.finished_at is not None:
            assert counted.outcomes.total() == counted.total


def vector_of(
    data: bytes, preprocessing: Mapping[str, object] | None = None
) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return a unit vector of non-negative numbers that belongs to these bytes and options."""
    plain = Preprocessing().to_dict()
    differing = {name: value for name, value in (preprocessing or plain).items() if value != plain[name]}
    seed = int.from_bytes(hashlib.sha256(data + (repr(differing).encode() if differing else b"")).digest()[:8])
    made = np.random.default_rng(seed).random(VGG16.dimension, dtype=np.float32)
    return made / np.linalg.norm(made)
