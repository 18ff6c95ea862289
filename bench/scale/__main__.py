"""Run every operation on catalogues of different sizes: `make bench-scale SIZES=1000000,10000000`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.report import Report
from bench.scale import flow
from bench.scale.apart import Cost, measured_apart
from bench.scale.ground import Place
from bench.scale.memory import Watch
from bench.scale.operations import OPERATIONS, WITHOUT_JOB
from bench.scale.stages import LEDGER, bytes_of, seeded, with_job
from support.stores import Stores, running_stores

MAX_GROWTH = 1.25
"""Of the CPU that a path or a call takes, and of each process' memory, from the size before the largest on."""
MEBI = 2**20

Measurement = Callable[[Place, str], Cost]
Figures = dict[str, list[float]]


def main() -> int:
    """Measure, print, and return 1 where a cost grows."""
    sizes = [int(size) for size in os.environ.get("SIZES", "100000,1000000").split(",") if size]
    most = int(os.environ.get("MEASURED", "100000"))
    report, found = Report(), defaultdict[str, list[float]](list)
    print(
        f"The collection and its job are seeded by SQL; each operation is measured on at most {most:,} paths, of"
    )
    print(
        "which those that are planned are files. Vectors and extractors are stand-ins; Postgres and Valkey real."
    )
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as name:
        root = Path(name).resolve()
        for size in sizes:
            # What a server has taken once it keeps: each size has its own.
            with _stores(root / f"{size}") as stores:
                measure(report, stores, (size, most), root, found=found)
        with _stores(root / "flow") as stores:
            flow.measure(report, stores, root)
    for figure, values in found.items():
        if len(values) > 1:
            growth = values[-1] / values[-2]
            report.add(f"{figure}: growth", f"{growth:.2f}", f"<= {MAX_GROWTH}", growth <= MAX_GROWTH)
    return 1 if report.broken else 0


def _stores(folder: Path) -> AbstractContextManager[Stores]:
    folder.mkdir()
    return running_stores(folder)


def measure(
    report: Report,
    stores: Stores,
    sizes: tuple[int, int],
    root: Path,
    *,
    found: Figures,
    measured: Measurement = measured_apart,
) -> None:
    """Measure what a path takes on the disk, and every operation.

    Args:
        report: takes each figure.
        stores: on which a database is made.
        sizes: of the collection, and the most paths of which an operation is measured.
        root: an empty directory.
        found: takes each figure that may not grow.
        measured: measures one operation.
    """
    size, most = sizes

    def add(name: str, value: float, shown: str) -> None:
        found[name].append(value)
        report.add(f"{size:>10,}  {name}", shown)

    with seeded(stores, size, most, root) as (alone, catalog):
        place = alone
        images = bytes_of(catalog, "images") / size
        add("row of an image, with indexes", images, f"{images:.0f} bytes")
        for operation in OPERATIONS:
            if operation is OPERATIONS[WITHOUT_JOB]:
                place = with_job(catalog, place)
                ledger = bytes_of(catalog, *LEDGER) / size
                add("ledger of a path, with indexes", ledger, f"{ledger:.0f} bytes")
            # What has seeded it is none of the sessions whose memory is measured.
            catalog.close()
            watch = Watch(place.servers)
            with watch.watching():
                cost = measured(place, operation.name)
            unit = operation.unit.value
            add(operation.name, cost.cpu, f"{cost.cpu * 1e6:.1f} us of the CPU a {unit}")
            report.add(
                f"{size:>10,}      on the clock, of {cost.units:,}", f"{cost.seconds * 1e6:.1f} us a {unit}"
            )
            session = max(cost.session, watch.most["session"])
            for who, peak in {"worker": cost.peak, **watch.most, "session": session}.items():
                add(f"{operation.name}: memory of {who}", peak, f"{peak / MEBI:.0f} MiB")


if __name__ == "__main__":
    sys.exit(main())
