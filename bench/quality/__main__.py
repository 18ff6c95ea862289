"""Index classes of photos through the running system, once a pipeline, and judge what searches answer.

`make quality PHOTOS=DIR WEIGHTS=FILE`: one folder a class. SAMPLE photos (60) are changed in each way. With
INT8=FILE those weights in 8 bits are judged beside.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from bench.quality.measures import average_precision, is_found_within, precision_at
from bench.quality.near_duplicates import CHANGES
from bench.quality.photos import Photos
from imagesearch.networks import VGG16_INT8
from support.following import ended
from support.system import System

PIPELINES: dict[str, dict[str, Any]] = {
    "published": {"pipeline": "published"},
    "published, avg": {"pipeline": "published", "preprocessing": {"pooling": "avg"}},
    "published, antialiased": {"pipeline": "published", "preprocessing": {"resize": "antialiased"}},
    "recommended": {"pipeline": "recommended"},
    "recommended, avg": {"pipeline": "recommended", "preprocessing": {"pooling": "avg"}},
    "recommended, pad": {"pipeline": "recommended", "preprocessing": {"aspect": "pad"}},
}
QUANTISED: dict[str, dict[str, Any]] = {
    "recommended, 8 bits": {"pipeline": "recommended", "network": VGG16_INT8.name},
    "published, 8 bits": {"pipeline": "published", "network": VGG16_INT8.name},
}
"""With INT8=FILE as well."""
AT_ONCE = 16
"""Pictures of one request: a search of several shares a pass."""
MAX_SECONDS = 24 * 3600.0
"""Of one job: photos may be many, and the machine busy."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Hold what one pipeline came to; shares are of 1.

    Attributes:
        first: P@1 over classes.
        ten: P@10 over classes.
        mean_average: mAP over classes.
        copies_first: share of changed pictures whose original comes first.
        copies_three: share of those whose original is among the first three.
        lost: for each change, how many originals are not among the first three.
        pictures_a_second: of the whole job.
        bytes_a_vector: of float32.
    """

    pipeline: str
    first: float
    ten: float
    mean_average: float
    copies_first: float
    copies_three: float
    lost: dict[str, int]
    pictures_a_second: float
    bytes_a_vector: int


def main() -> int:
    """Measure every pipeline, print a line of JSON for each and a table of all."""
    photos = Photos.of(Path(os.environ["PHOTOS"]).resolve(), int(os.environ.get("SAMPLE", "60")))
    found = []
    with tempfile.TemporaryDirectory(prefix="quality-") as name:
        int8 = os.environ.get("INT8")
        beside = f"{VGG16_INT8.name}={Path(int8).resolve()}" if int8 else ""
        system = System(
            Path(name).resolve() / "system", photos.folder, weights=os.environ["WEIGHTS"], NETWORKS=beside
        )
        try:
            system.start()
            with httpx.Client(base_url=system.url, timeout=300) as http:
                for pipeline, body in (PIPELINES | QUANTISED if int8 else PIPELINES).items():
                    found.append(_measured(http, photos, pipeline, body))
                    print(json.dumps(asdict(found[-1])), flush=True)
        finally:
            if system.process is not None:
                system.stop()
    print(_table(found))
    return 0


def _measured(http: httpx.Client, photos: Photos, pipeline: str, body: dict[str, Any]) -> Quality:
    collection = pipeline.replace(", ", "-")
    made = http.post("/api/v2/collections", json={"name": collection, **body}).raise_for_status().json()
    begun = time.perf_counter()
    job = http.post(
        "/api/v2/jobs", json={"source": str(photos.folder), "collection": collection}
    ).raise_for_status()
    counts = ended(http, job.json()["id"], seconds=MAX_SECONDS)
    taken = time.perf_counter() - begun
    number = len(photos.paths)
    if counts["indexed"] != number:
        raise RuntimeError(f"{counts['indexed']} of {number} pictures were indexed")
    judged = [_of_classes(http, collection, path, number) for path in photos.paths]
    ranks = list(_of_copies(http, collection, photos.changed))
    missed = [name for name, wanted, ranking in ranks if not is_found_within(3, wanted, ranking)]
    return Quality(
        pipeline=pipeline,
        first=_mean([precision_at(1, right) for right in judged]),
        ten=_mean([precision_at(10, right) for right in judged]),
        mean_average=_mean([average_precision(right) for right in judged]),
        copies_first=_mean([float(is_found_within(1, wanted, ranking)) for _, wanted, ranking in ranks]),
        copies_three=1 - len(missed) / len(ranks),
        lost={name: missed.count(name) for name in CHANGES if name in missed},
        pictures_a_second=number / taken,
        bytes_a_vector=4 * int(made["dimension"]),
    )


def _of_classes(http: httpx.Client, collection: str, path: Path, number: int) -> list[bool]:
    """Return whether each answer, the nearest first, is of the picture's class; without the picture itself."""
    body = {"path": str(path), "top_k": number, "include": []}
    answer = http.post(f"/api/v2/collections/{collection}/search", json=body).raise_for_status().json()
    others = [Path(found["path"]) for found in answer["results"] if found["path"] != str(path)]
    if len(others) != number - 1:
        raise RuntimeError(f"{len(others)} of {number - 1} pictures were ranked")
    return [other.parent.name == path.parent.name for other in others]


def _of_copies(
    http: httpx.Client, collection: str, changed: Sequence[tuple[str, Path, bytes]]
) -> Iterator[tuple[str, str, list[str]]]:
    """Return each change with its original's path and those of the first answers."""
    waiting = iter(changed)
    while some := list(islice(waiting, AT_ONCE)):
        files = [("image", ("picture", data)) for _, _, data in some]
        answer = http.post(f"/api/v2/collections/{collection}/search", files=files, data={"top_k": "3"})
        found = answer.raise_for_status().json()
        queries = found["queries"] if len(some) > 1 else [found]
        for (name, path, _), query in zip(some, queries, strict=True):
            yield name, str(path), [each["path"] for each in query["results"]]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _table(found: Sequence[Quality]) -> str:
    lines = [
        "| pipeline | P@1 | P@10 | mAP | copies @1 | copies @3 | pictures/s over published | bytes | not in 3 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        lost = ", ".join(f"{name} {count}" for name, count in one.lost.items()) or "none"
        ratio = one.pictures_a_second / found[0].pictures_a_second
        lines.append(
            f"| {one.pipeline} | {one.first:.3f} | {one.ten:.3f} | {one.mean_average:.3f} "
            f"| {one.copies_first:.3f} | {one.copies_three:.3f} | {ratio:.2f} | {one.bytes_a_vector} | {lost} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
