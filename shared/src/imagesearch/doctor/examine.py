"""Look at everything; a store that is away costs its own lines and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import redis

from imagesearch.catalog import collections
from imagesearch.catalog.engine import Catalog
from imagesearch.doctor.diagnosis import ADVICE, Diagnosis, Verdict
from imagesearch.doctor.of_files import examine_files
from imagesearch.doctor.of_milvus import examine_milvus
from imagesearch.doctor.of_pace import examine_pace as pace
from imagesearch.doctor.of_postgres import examine_postgres
from imagesearch.doctor.of_redis import examine_redis
from imagesearch.doctor.of_workers import examine_workers
from imagesearch.errors import StoreFull, StoreUnavailable
from imagesearch.files.roots import Roots
from imagesearch.messaging.redis_clock import redis_now
from imagesearch.messaging.redis_errors import needing_redis
from imagesearch.vectors import VectorStore
from imagesearch.worker.registry import WorkerRegistry


@dataclass(frozen=True, slots=True)
class Patient:
    """Bundle what is looked at."""

    catalog: Catalog
    vectors: VectorStore
    client: redis.Redis
    roots: Roots


def examine(patient: Patient) -> list[Diagnosis]:
    """Return a line about each thing that was looked at, from the stores outwards."""
    registry, vectors = WorkerRegistry(patient.client), patient.vectors

    def ping_redis() -> None:
        with needing_redis():
            redis_now(patient.client)

    def of_workers() -> list[Diagnosis]:
        with patient.catalog.reading() as tx:
            found = collections.all_active(tx)
        return examine_workers(registry.alive(), registry.facts(), found)

    looks: tuple[tuple[str, Callable[[], list[Diagnosis]]], ...] = (
        ("postgres", lambda: [*examine_postgres(patient.catalog), pace("postgres", patient.catalog.ping)]),
        ("redis", lambda: [*examine_redis(patient.client), pace("redis", ping_redis)]),
        ("milvus", lambda: [*examine_milvus(vectors, patient.catalog), pace("milvus", vectors.ping)]),
        ("workers", of_workers),
        ("files", lambda: examine_files(patient.roots)),
    )
    return [line for subject, look in looks for line in _looked(subject, look)]


def is_healthy(found: list[Diagnosis]) -> bool:
    """Tell whether nothing is wrong; what cannot be told counts for nothing."""
    return all(one.verdict is not Verdict.PROBLEM for one in found)


def _looked(subject: str, look: Callable[[], list[Diagnosis]]) -> list[Diagnosis]:
    try:
        return look()
    except StoreUnavailable as error:
        if subject == error.store:
            todo = f"Start it, or correct the address of {subject}."
            if isinstance(error, StoreFull):
                todo = ADVICE[error.lacks]
            return [Diagnosis(subject, Verdict.PROBLEM, str(error), todo)]
        return [Diagnosis(subject, Verdict.UNKNOWN, str(error), f"Bring {error.store} back first.")]
