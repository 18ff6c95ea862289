"""`python -m imagesearch.admin plan`: what a library of some size takes."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import asdict
from datetime import timedelta
from typing import Any, get_args

from imagesearch.capacity.library import PER_WORKER, Library, Plan, plan
from imagesearch.capacity.placement import NODE_BYTES, Place, places
from imagesearch.vectors import IndexType

UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def show_plan(_: object, options: argparse.Namespace) -> None:
    """Print a line for each thing that has to be ordered.

    Raises:
        ValueError: a number is out of its range.
    """
    library = Library(options.images, options.dim, options.index, options.deadline, options.rate)
    found = plan(library)
    stores = places(library, found, round(options.node_memory * 10**9))
    if options.json:
        sys.stdout.write(f"{json.dumps(asdict(found) | {'stores': list(map(asdict, stores))})}\n")
    else:
        lines = _lines(library, found) + [(place.store, _placed(place)) for place in stores]
        sys.stdout.writelines(f"{name:24}{amount}\n" for name, amount in lines)


def add_plan(parts: Any) -> None:
    """Add the verb to a command line."""
    parser = parts.add_parser("plan", help="work out memory, disk and workers for a library of some size")
    parser.add_argument("--images", type=_count, required=True, help="pictures, such as 1e9")
    parser.add_argument("--dim", type=int, default=512, help="numbers in a vector")
    parser.add_argument("--index", choices=get_args(IndexType), default="HNSW", help="index type")
    parser.add_argument("--deadline", type=_span, default="1d", help="all are indexed within: 12h, 30d, 2w")
    parser.add_argument(
        "--rate", type=float, default=PER_WORKER, help="pictures a second of one extractor, from `make bench`"
    )
    parser.add_argument(
        "--node-memory", type=float, default=NODE_BYTES / 10**9, help="GB of one query node of a Milvus cluster"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, in bytes and seconds")
    parser.set_defaults(run=show_plan)


def _lines(library: Library, found: Plan) -> list[tuple[str, str]]:
    lines = [
        ("raw vectors", _bytes(found.vectors)),
        (f"index {library.index}", f"{_bytes(found.index)} of memory"),
        ("Milvus query nodes", f"{_bytes(found.query_nodes)} of memory in all"),
        ("catalogue", f"{_bytes(found.postgres)} of disk"),
        ("messages", f"{_bytes(found.redis)} for each job that runs"),
        ("extractors", f"{found.extractors} of {library.rate:g} pictures a second"),
        ("one extractor alone", f"{found.seconds_alone / 86_400:,.1f} days"),
    ]
    if found.index_disk:
        lines.insert(3, ("local disks of these", _bytes(found.index_disk)))
    return lines


def _placed(place: Place) -> str:
    parts = [
        f"{_bytes(amount)} of {what}"
        for amount, what in ((place.memory, "memory"), (place.disk, "disk"))
        if amount
    ]
    each = f"{place.nodes} x " if place.nodes > 1 else ""
    shared = f", and {_bytes(place.objects)} of object storage" if place.objects else ""
    return f"{place.where}: {each}{' and '.join(parts)}{shared}"


def _bytes(count: int) -> str:
    """Return an amount in the units that disks and memory are sold in, a thousand each."""
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.4g} {unit}"


def _count(text: str) -> int:
    number = float(text)
    if not number.is_integer():
        raise ValueError(text)
    return int(number)


def _span(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([hdw])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: a number and h, d or w are expected, such as 30d")
    return int(found[1]) * UNITS[found[2]]
