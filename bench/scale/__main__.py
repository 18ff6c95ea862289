"""Run every operation on catalogues of different sizes: `make bench-scale SIZES=100000,1000000`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from bench.report import Report
from bench.scale.ground import Ground, NumberedVectors, indexer_on
from bench.scale.operations import OPERATIONS
from bench.scale.timing import Operation, Timer
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.migrate import migrate
from imagesearch.contract import TaskName
from imagesearch.messaging.broker import create_redis
from imagesearch.messaging.claims import InFlight
from imagesearch.wire import Message
from support import seeding
from support.stores import Stores, running_stores

MAX_GROWTH = 1.25
"""Of what a path or a call costs, from the size before the largest to the largest."""
LEDGER = ("job_items", "job_batches")
TABLES = ("images", *LEDGER)


def main() -> int:
    """Measure, print, and return 1 where a cost grows."""
    sizes = [int(size) for size in os.environ.get("SIZES", "100000,1000000").split(",")]
    report = Report()
    costs: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as name, running_stores(Path(name)) as stores:
        for size in sizes:
            with laid(stores, size, Path(name).resolve()) as ground:
                measure(report, ground, costs)
    for name, found in costs.items():
        if len(found) > 1:
            growth = found[-1] / found[-2]
            report.add(f"{name}: growth", f"{growth:.2f}", f"<= {MAX_GROWTH}", growth <= MAX_GROWTH)
    return 1 if report.broken else 0


@contextmanager
def laid(stores: Stores, size: int, root: Path) -> Iterator[Ground]:
    """Yield a seeded catalogue of one size."""
    with ExitStack() as resources:
        catalog = resources.enter_context(closing(Catalog(stores.create_database())))
        client = resources.enter_context(closing(create_redis(stores.redis)))
        client.flushall()
        migrate(catalog)
        with catalog.transaction() as tx:
            collection_id = seeding.seed_collection(tx, "library", size, str(root / "library"))
            seeding.analyze(tx)
        vectors = NumberedVectors(size)
        sent: list[tuple[TaskName, Message]] = []

        def send(
            task: TaskName, message: Message, task_id: str | None = None, *, queue: str | None = None
        ) -> None:
            sent.append((task, message))

        indexer = indexer_on(catalog, vectors, InFlight(client), root, send)
        yield Ground(size, catalog, vectors, collection_id, root / "library", indexer, sent)


def measure(report: Report, ground: Ground, costs: dict[str, list[float]]) -> None:
    """Measure what a path takes on the disk, and every operation."""
    for name, taken in sizes_of(ground).items():
        report.add(f"{ground.size:>10,}  {name}, with indexes", f"{taken:.0f} bytes a path")
    for operation in OPERATIONS:
        cost = cost_of(operation, ground)
        costs.setdefault(operation.name, []).append(cost)
        report.add(f"{ground.size:>10,}  {operation.name}", f"{cost * 1e6:.1f} us a {operation.unit}")


def sizes_of(ground: Ground) -> dict[str, float]:
    """Return what a path takes in the large tables, in bytes."""
    with ground.catalog.transaction() as tx:
        before = {name: seeding.bytes_of(tx, name) for name in TABLES}
        seeding.seed_job(tx, ground.collection_id, ground.size, str(ground.folder), outcome="indexed")
    with ground.catalog.transaction() as tx:
        after = {name: seeding.bytes_of(tx, name) for name in TABLES}
    ledger = sum(after[name] - before[name] for name in LEDGER)
    return {"images": before["images"] / ground.size, "ledger": ledger / ground.size}


def cost_of(operation: Operation, ground: Ground) -> float:
    """Return what one path or call costs, in seconds; of several calls, the fastest counts."""
    timer = Timer()
    operation.measure(ground, timer)
    return min(timer.parts) if operation.unit == "call" else timer.seconds / timer.units


if __name__ == "__main__":
    sys.exit(main())
