"""Export a collection in a job: part by part, each whole or not there, and going on behind the last one.

A part is an object of its own, under a name that no other attempt has. It belongs to the export from the
transaction that records it and moves the job on behind its last image; a killed or frozen writer leaves an object
that nobody names, which goes when the export is whole. Only paths whose vector is lost are written to the ledger.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog

from imagesearch.catalog import collections, exports, jobs
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.exports import ExportPart
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import counters, folding, ledger
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.states import CollectionState
from imagesearch.contract import Outcome
from imagesearch.errors import StoreUnavailable
from imagesearch.failures import FailureCode
from imagesearch.files.exports import MANIFEST, STORE, Exports
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.exports.rows import next_rows
from imagesearch_indexer.lifecycle.finish import end_or_give_up
from imagesearch_indexer.lifecycle.progress import show
from imagesearch_indexer.lifecycle.time_slice import work

if TYPE_CHECKING:
    from imagesearch_indexer.exports.parquet import PartFile

log = structlog.get_logger()

FORMAT = 1
"""Of the files; another one where a reader of this could not read them."""
SLICE_BYTES = 4 * 2**20
"""Of vectors, which are read at once and are a row group: 2,048 of 512 numbers."""
PART_BYTES = 32 * 2**20
"""Of vectors, which are a file: what a crash may lose, and what is in memory."""
PAGE = 1_000
SWITCHED = "The collection was reindexed with another pipeline meanwhile; export it again."
NO_PLACE = "Exports are switched off: the indexer has neither EXPORT_ROOT nor EXPORTS_URL."
LOST_REASON = "The vector store has not the vector of this picture; export again when it is repaired."


@dataclass
class _Part:
    """Hold what has been read for the next part.

    Attributes:
        after: the id behind which the next one begins.
        is_last: there is nothing behind it.
    """

    after: int
    file: PartFile | None = None
    lost: list[Image] = field(default_factory=list)
    is_last: bool = False


def plan(indexer: Indexer, job: jobs.Job) -> None:
    """Write the next parts of a job's export for a time slice, until all are written.

    Raises:
        StoreUnavailable: Postgres or Milvus went away; the export may be taken up again.
    """
    work(indexer, job.id, lambda: _goes_on(indexer, job.id))
    end_or_give_up(indexer, job.id)


def cancel(indexer: Indexer, job: jobs.Job) -> bool:
    """Say that nobody is to have what a job has exported so far."""
    with indexer.catalog.transaction() as tx:
        jobs.lock(tx, job.id)
        exports.remove(tx, job.id)
    return True


def _goes_on(indexer: Indexer, job_id: str) -> bool:
    """Write one part; return whether another one may follow at once."""
    with indexer.catalog.transaction() as tx:
        job = jobs.get(tx, job_id)
        collection = collections.by_id(tx, job.collection_id)
        number = exports.get(tx, job_id).parts + 1
        if not _is_wanted(job, collection):
            return False
        reason = NO_PLACE if indexer.exports is None else _why_not(job, collection)
        if reason is not None:
            jobs.fail(tx, job_id, reason)
            return False
        job = jobs.listed(tx, job_id) if job.listed_at is None else job
    show(indexer.progress, job)
    if indexer.exports is None:
        return False
    try:
        return _write_part(indexer, indexer.exports, job, collection, number)
    except StoreUnavailable as error:
        if error.store != STORE:
            raise
        # Waiting here would keep a thread from planning other jobs: reconciliation asks again, and says in the end
        # that the job stands still.
        log.warning("export.put_off", job=job_id, reason=str(error))
        return False


def _is_wanted(job: jobs.Job, collection: Collection) -> bool:
    return job.state.is_working and job.planned_at is None and collection.state == CollectionState.ACTIVE


def _why_not(job: jobs.Job, collection: Collection) -> str | None:
    return SWITCHED if collection.generation != (job.options or {})["generation"] else None


def _write_part(indexer: Indexer, store: Exports, job: jobs.Job, collection: Collection, number: int) -> bool:
    part = _read_part(indexer, job, collection)
    if part is None:
        # Whoever asks for the rest of the time slice sees why.
        return indexer.stopping.is_set()
    name, data = f"part-{number:05}-{uuid4().hex}.parquet", part.file.finish() if part.file is not None else b""
    if part.file is not None:
        store.write(job.id, name, data)
    with indexer.catalog.transaction() as tx:
        home = collections.lock_shared(tx, job.collection_id)
        now = jobs.lock(tx, job.id)
        is_mine = _is_wanted(now, home) and now.planned_up_to == job.planned_up_to and _why_not(now, home) is None
        if is_mine:
            if part.file is not None:
                digest = hashlib.sha256(data).hexdigest()
                written = ExportPart(number, name, part.file.rows, len(data), digest)
                exports.add_part(tx, job.id, written, about(home))
            jobs.reached(tx, job.id, str(part.after))
            now = _count(tx, now, part)
    if not is_mine:
        # Cancelled, switched, or written by somebody else while this one stood still.
        log.info("export.part_dropped", job=job.id)
        return True
    show(indexer.progress, now)
    if part.is_last:
        _complete(indexer, store, job.id)
    return not part.is_last


def _read_part(indexer: Indexer, job: jobs.Job, collection: Collection) -> _Part | None:
    """Read images until they are a part, or the last ones; None where nobody wants them any longer."""
    bytes_each = 4 * collection.dimension
    limit, rows = max(1, SLICE_BYTES // bytes_each), max(1, PART_BYTES // bytes_each)
    part = _Part(int(job.planned_up_to or 0))
    read = 0
    while read < rows and not part.is_last:
        with indexer.catalog.reading() as tx:
            is_wanted = jobs.get(tx, job.id).state.is_working
        if not is_wanted or indexer.stopping.is_set():
            return None
        some = next_rows(
            indexer,
            job.collection_id,
            partition=(job.options or {})["partition"],
            after=part.after,
            limit=min(limit, rows - read),
        )
        part.is_last = some.last is None
        part.after = some.last or part.after
        part.lost += some.lost
        read += len(some.found) + len(some.lost)
        if some.found:
            part.file = part.file or _file(collection)
            part.file.add(some.found)
    return part


def _file(collection: Collection) -> PartFile:
    # Who exports nothing does not load it.
    from imagesearch_indexer.exports.parquet import PartFile  # noqa: PLC0415

    return PartFile(collection.dimension, about(collection))


def _count(tx: Transaction, job: jobs.Job, part: _Part) -> jobs.Job:
    """Count what a part has come to, and note what is lost: of nothing else does anybody ask the path."""
    written = Counter({Outcome.UNCHANGED: part.file.rows if part.file is not None else 0})
    folding.count_folded(tx, job, written)
    items = [
        Item(row.path, row.id, None, Outcome.FAILED, FailureCode.VECTOR_LOST, LOST_REASON) for row in part.lost
    ]
    submitted, failed = ledger.record(tx, job.id, items) if items else (0, Counter[Outcome]())
    return counters.count(tx, job.id, written + failed, submitted=submitted + written.total(), worked=True)


def _complete(indexer: Indexer, store: Exports, job_id: str) -> None:
    """Describe an export whose parts are all written, and remove what its attempts have left."""
    with indexer.catalog.reading() as tx:
        job = jobs.get(tx, job_id)
        home = collections.by_id(tx, job.collection_id)
        made = exports.get(tx, job_id)
        parts = _parts(tx, job_id)
    said = made.about or about(home)
    manifest = {
        **said,
        "job_id": job_id,
        "partition": (job.options or {})["partition"],
        "rows": made.rows,
        "lost": job.failed,
        "parts": [asdict(part) for part in parts],
    }
    store.write(job_id, MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode())
    store.remove(job_id, but=[MANIFEST, *(part.name for part in parts)])
    with indexer.catalog.transaction() as tx:
        exports.describe(tx, job_id, said)
        job = jobs.planned(tx, job_id)
    show(indexer.progress, job)


def _parts(tx: Transaction, job_id: str) -> Sequence[ExportPart]:
    found: list[ExportPart] = []
    while some := exports.parts(tx, job_id, after=len(found), limit=PAGE):
        found += some
    return found


def about(collection: Collection) -> dict[str, Any]:
    """Return what whoever reads vectors of a collection has to know of them."""
    return {
        "format": FORMAT,
        "collection": collection.name,
        "network": collection.network,
        "model": collection.model,
        "fingerprint": collection.fingerprint,
        "pipeline": collection.preset,
        "preprocessing": collection.preprocessing.to_dict(),
        "dimension": collection.dimension,
        "metric": collection.metric,
    }
