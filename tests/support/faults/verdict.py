"""Judge what is left after a fault: what is lost or there twice, which vectors are wrong, which counters lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.tables import images, job_batches, job_items
from support.faults.contents import stored, wrong_contents
from support.faults.living import Living
from support.faults.settling import buried, left_over, settle, unnamed_stores

SAMPLES = 3


@dataclass(frozen=True)
class Verdict:
    """Count what should not be, and say it in words."""

    lost: int = 0
    duplicated: int = 0
    wrong_vectors: int = 0
    wrong_counters: int = 0
    findings: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicated or self.wrong_vectors or self.wrong_counters or self.findings)


def judge(
    stack: Living,
    collection: str,
    job_ids: Sequence[str],
    good: Sequence[Path],
    *,
    every: bool = True,
    samples: int = SAMPLES,
    reads: bool = True,
) -> Verdict:
    """Compare files, ledger, rows, vectors and what a search finds, once what is buried has been collected.

    Args:
        stack: to look at; its stores answer.
        collection: by name.
        job_ids: jobs over it, all of them ended.
        good: the pictures that can be indexed.
        every: all of `good` must be indexed; otherwise any of them may be missing, as after a cancel.
        samples: pictures that have to find themselves.
        reads: vectors are made of the files' bytes.
    """
    findings: list[str] = []
    found = settle(stack, collection)
    with stack.catalog.transaction() as tx:
        indexed = tx.execute(
            sa.select(images).where(images.c.collection_id == found.id, images.c.state == "indexed")
        ).all()
        undecided = tx.execute(
            sa.select(sa.func.count())
            .select_from(job_items)
            .where(job_items.c.job_id.in_(job_ids), job_items.c.outcome.is_(None))
        ).scalar_one()
        wrong = sum(_miscounted(tx, job_id, findings) for job_id in job_ids)
    rows = {row.path: row.vector_key for row in indexed}
    count = stack.vectors.count(found.vector_collection, strong=True)
    in_store = stack.vectors.keys(found.vector_collection)
    expected = {str(path) for path in good}
    missing = expected - set(rows) if every else set()
    extra = set(rows) - expected
    bare = set(rows.values()) - set(in_store)
    graves = buried(stack, found.vector_collection)
    orphans = set(in_store) - set(rows.values()) - set(graves)
    stores = unnamed_stores(stack)
    unfound = [path for path in _samples(good, rows, samples) if not _finds_itself(stack, collection, path)]
    there = stored(stack, found.vector_collection, sorted(rows.values())) if reads else {}
    wrong_vectors = list(wrong_contents(indexed, there, found.preprocessing, real=stack.real))
    for what, seen in {
        "paths without a row": missing,
        "rows without a vector": bare,
        "pictures that do not find themselves": unfound,
        "rows that nothing asked for": extra,
        "vectors without a row": orphans,
        "vectors that are still buried": graves,
        "Milvus collections that nothing names": stores,
        "wrong vectors": wrong_vectors,
    }.items():
        if seen:
            findings.append(f"{len(seen)} {what}: {sorted(map(str, seen))[:3]}")
    if undecided:
        findings.append(f"{undecided} paths without an outcome")
    if waiting := left_over(stack):
        findings.append(f"{waiting} exceptions or retired vectors are left")
    twice = len(extra) + len(orphans) + len(graves) + len(stores)
    twice += len(in_store) - len(set(in_store)) + abs(count - len(in_store))
    lost = len(missing) + len(bare) + len(unfound) + undecided
    return Verdict(lost, twice, len(wrong_vectors), wrong, tuple(findings))


def _miscounted(tx: sa.Connection, job_id: str, findings: list[str]) -> int:
    """Return how many of a job's counters are not what its ledger says."""
    job = jobs.get(tx, job_id)
    counted = ledger.count_slice(tx, job_id, after="", limit=1_000_000)
    total, outcomes = counted.total, counted.outcomes
    wrong = int(job.total != total)
    wrong += sum(job.outcomes[outcome] != outcomes[outcome] for outcome in job.outcomes | outcomes)
    wrong += int(job.finished_at is None or job.done != total)
    if wrong:
        findings.append(f"job {job_id}: {job.total} {job.outcomes} where the ledger has {total} {outcomes}")
    return wrong


def _samples(good: Sequence[Path], rows: dict[str, int], number: int) -> list[Path]:
    there = [path for path in good if str(path) in rows]
    return there[:: max(1, len(there) // max(1, number))][:number]


def _finds_itself(stack: Living, collection: str, path: Path) -> bool:
    """Tell whether nothing is nearer to a picture than itself; others of the same pixels are as near."""
    answer = stack.patiently(
        lambda: stack.http.post(
            f"/api/v2/collections/{collection}/search", files={"image": path.read_bytes()}, data={"top_k": "20"}
        )
    )
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    return any(result["path"] == str(path) and result["distance"] == results[0]["distance"] for result in results)


def attempts(stack: Living, job_id: str) -> list[int]:
    """Return how often each batch of a job was sent."""
    with stack.catalog.transaction() as tx:
        return list(tx.execute(sa.select(job_batches.c.attempts).where(job_batches.c.job_id == job_id)).scalars())


def crashes(stack: Living, job_id: str) -> int:
    """Return how many workers were taken for dead over the batches of a job."""
    query = sa.select(sa.func.sum(job_batches.c.crashes)).where(job_batches.c.job_id == job_id)
    with stack.catalog.reading() as tx:
        return int(tx.execute(query).scalar_one())
