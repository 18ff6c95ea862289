"""Keep index builds: the index of a collection made anew, beside the one that searches use until it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from imagesearch.catalog import jobs, keys, retired
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.collections import new_vector_collection, short_model
from imagesearch.catalog.columns import columns_of
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.reindex import exceptions
from imagesearch.catalog.states import BuildPhase, BuildState
from imagesearch.catalog.tables import collections
from imagesearch.catalog.tables import index_builds as table
from imagesearch.catalog.tables import jobs as jobs_table
from imagesearch.contract import JobState
from imagesearch.errors import Conflict, ConflictCode, PipelineMismatch
from imagesearch.networks import ModelIdentity, NetworkSpec
from imagesearch.pipeline import Preprocessing, fingerprint


class ThrottleLevel(Enum):
    """Say what the other jobs of a collection may do beside a build."""

    OPEN = "no build, or one that is being filled"
    REDUCED = "one that catches up with them, and has to be faster than they are"
    CLOSED = "one in its last round, which ends soon if nothing is written meanwhile"


@dataclass(frozen=True, slots=True)
class ReindexBuild:
    """Describe one build.

    Attributes:
        vector_collection: name of the Milvus collection that is being filled.
        network: name of the network that it is built with.
        dimension: numbers of a vector.
        model: identity of the network that it is built with; None until the first batch of an extraction.
        extracts: pictures are read again; otherwise vectors are copied.
        fence_key: the next round takes the keys up to this one.
        fence_xid: every transaction before this one has to have ended by then.
        reached_key: everything up to this key is filled in, or in the ledger; None before the first round.
        verified_key: everything up to this key was found in the build's vectors.
    """

    job_id: str
    collection_id: int
    vector_collection: str
    index_type: str
    index_params: dict[str, Any]
    preprocessing: Preprocessing
    network: str
    dimension: int
    model: str | None
    extracts: bool
    state: BuildState
    fence_key: int
    fence_xid: int
    reached_key: int | None
    verified_key: int

    @property
    def is_building(self) -> bool:
        """Tell whether it can still be filled."""
        return self.state == BuildState.BUILDING


_SELECT = sa.select(*columns_of(table, ReindexBuild))


def submit(
    tx: Transaction,
    collection: Collection,
    job: jobs.NewJob,
    *,
    index_type: str,
    index_params: dict[str, Any],
    preprocessing: Preprocessing,
    network: NetworkSpec,
    model: str | None,
    extract: bool = False,
) -> jobs.Job:
    """Write a job and its build, which extracts where that is asked for or the pipeline is not the collection's.

    Raises:
        Conflict: the collection's index is being built already, or its rows still follow the last build.
    """
    if collection.switched_build is not None:
        raise Conflict(
            "The collection still follows its last reindex; ask again in a moment.", ConflictCode.REINDEX_RUNNING
        )
    written = jobs.create(tx, collection.id, job)
    fence = keys.fence(tx)
    made = tx.execute(
        insert(table)
        .values(
            job_id=job.id,
            collection_id=collection.id,
            vector_collection=new_vector_collection(),
            index_type=index_type,
            index_params=index_params,
            preprocessing=preprocessing.to_dict(),
            network=network.name,
            dimension=network.dimension,
            model=model,
            extracts=extract
            or (preprocessing, network.name, model)
            != (collection.preprocessing, collection.network, collection.model)
            or not collection.is_current,
            fence_key=fence.key,
            fence_xid=fence.xid,
        )
        .on_conflict_do_nothing(
            index_elements=["collection_id"], index_where=sa.text(f"state = '{BuildState.BUILDING}'")
        )
    )
    if not made.rowcount:
        raise Conflict(
            "The index of this collection is being built anew already; wait for that job or cancel it.",
            ConflictCode.REINDEX_RUNNING,
        )
    return written


def get(tx: Transaction, job_id: str) -> ReindexBuild | None:
    """Return the build of a job; None where the job has none."""
    row = tx.execute(_SELECT.where(table.c.job_id == job_id)).one_or_none()
    return _build(row) if row is not None else None


def lock(tx: Transaction, job_id: str) -> ReindexBuild | None:
    """Return the build of a job and keep everybody else from filling or ending it until the transaction ends."""
    row = tx.execute(_SELECT.where(table.c.job_id == job_id).with_for_update()).one_or_none()
    return _build(row) if row is not None else None


def lock_shared(tx: Transaction, job_id: str) -> ReindexBuild | None:
    """Return the build of a job, which cannot be ended before this transaction does."""
    build = get(tx, job_id)
    if build is None or build.model is None:
        # Whoever may pin the network needs the row alone: two that only share it would wait for each other.
        return lock(tx, job_id)
    row = tx.execute(_SELECT.where(table.c.job_id == job_id).with_for_update(read=True)).one()
    return _build(row)


def pin_model(tx: Transaction, build: ReindexBuild, model: str) -> None:
    """Make the first network that delivers vectors to a locked build its own.

    Raises:
        PipelineMismatch: this is not the network that the build was asked for.
    """
    if build.model is None:
        made = ModelIdentity.parse(model)
        if (made.network, made.dimension) != (build.network, build.dimension):
            raise PipelineMismatch(
                f"This reindex is for {build.dimension} numbers of the network {build.network!r}, and a worker "
                f"answered with {short_model(model)}."
            )
        tx.execute(sa.update(table).where(table.c.job_id == build.job_id).values(model=model))


def raise_fence(tx: Transaction, build: ReindexBuild, reached_key: int) -> None:
    """Record up to which key a locked build has come, and where its next round ends."""
    fence = keys.fence(tx)
    values = {"reached_key": reached_key, "fence_key": fence.key, "fence_xid": fence.xid}
    tx.execute(sa.update(table).where(table.c.job_id == build.job_id).values(values))


def reach(tx: Transaction, build: ReindexBuild, key: int) -> None:
    """Record up to which key a locked build has come."""
    tx.execute(sa.update(table).where(table.c.job_id == build.job_id).values(reached_key=key))


def verify(tx: Transaction, build: ReindexBuild, key: int) -> None:
    """Record up to which key the vectors of a locked build were found."""
    tx.execute(sa.update(table).where(table.c.job_id == build.job_id).values(verified_key=key))


def enter(tx: Transaction, build: ReindexBuild, phase: BuildPhase) -> None:
    """Record how near a locked build is to its end."""
    tx.execute(sa.update(table).where(table.c.job_id == build.job_id).values(phase=phase))


def throttle_level(tx: Transaction, collection_id: int, *, timeout: timedelta) -> ThrottleLevel:
    """Return what the jobs of a collection may do that are not its build.

    Args:
        tx: the transaction.
        collection_id: the collection.
        timeout: how long a last round may go without any progress. Whoever worked on it may be gone; then the
            others go on, and the build catches up with them once more.
    """
    progressed = jobs_table.c.progressed_at > sa.func.now() - timeout
    query = (
        sa.select(table.c.phase, progressed.label("progressed"))
        .join(jobs_table, jobs_table.c.id == table.c.job_id)
        .where(
            table.c.collection_id == collection_id,
            table.c.state == BuildState.BUILDING,
            # Nobody makes room for a build that stands still because somebody paused it.
            jobs_table.c.state.in_((JobState.PLANNING, JobState.RUNNING)),
        )
    )
    row = tx.execute(query).one_or_none()
    if row is None or row.phase == BuildPhase.FILLING:
        return ThrottleLevel.OPEN
    return ThrottleLevel.CLOSED if row.phase == BuildPhase.LAST_ROUND and row.progressed else ThrottleLevel.REDUCED


def switch(tx: Transaction, build: ReindexBuild, collection: Collection, *, retire_after: timedelta) -> None:
    """Make a finished build the collection's index; the caller has the exclusive lock of the collection.

    The vectors that searches used until now stay for a while: a search that has read the old name goes on. Rows
    follow where the build has exceptions.
    """
    changed: dict[str, Any] = {
        "vector_collection": build.vector_collection,
        "index_type": build.index_type,
        "index_params": build.index_params,
        "switched_build": build.job_id if exceptions.has_any(tx, build.job_id) else None,
    }
    if build.extracts:
        model = build.model
        changed |= {
            "preprocessing": build.preprocessing.to_dict(),
            "network": build.network,
            "dimension": build.dimension,
            "model": model,
            "fingerprint": fingerprint(model, build.preprocessing) if model else None,
            "generation": collections.c.generation + 1,
        }
    tx.execute(sa.update(collections).where(collections.c.id == collection.id).values(changed))
    _close(tx, build, BuildState.SWITCHED)
    retired.retire(tx, collection.vector_collection, keep_for=retire_after)


def abandon(tx: Transaction, build: ReindexBuild) -> None:
    """Give a build up, and have its vectors dropped."""
    _close(tx, build, BuildState.ABANDONED)
    retired.retire(tx, build.vector_collection)


def _close(tx: Transaction, build: ReindexBuild, state: BuildState) -> None:
    tx.execute(sa.update(table).where(table.c.job_id == build.job_id).values(state=state))


def _build(row: sa.Row[Any]) -> ReindexBuild:
    return ReindexBuild(**{**row._mapping, "preprocessing": Preprocessing.from_dict(row.preprocessing)})
