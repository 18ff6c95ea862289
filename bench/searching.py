"""Measure searches over HTTP against a running system with 20,000 vectors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from bench.lookalikes import vgg_like
from bench.recall import fill
from bench.report import Report, median, p95, times_ms
from drawing import encoded, photo_like
from imagesearch.catalog import collections, images
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.tables import images as image_table
from imagesearch.vectors import IndexSpec, VectorStore
from waiting import until

COUNT = 20_000
SEARCHES = 100
BULK_PICTURES = 600
OVERHEAD_MS = 12.0
BY_ID_MS = 8.0
P95_RATIO = 3.0
COLLECTION = "bench"


def prepare(catalog: Catalog, store: VectorStore, model: str) -> None:
    """Give the collection 20,000 rows and vectors of the running network's pipeline."""
    with catalog.transaction() as tx:
        collection, _ = collections.create(tx, COLLECTION)
        collections.pin_model(tx, collection, model)
    store.ensure_collection(collection.vector_collection, IndexSpec())
    with catalog.transaction() as tx:
        images.ensure_rows(tx, collection.id, [f"/bench/{place:05}.jpg" for place in range(COUNT)], None, None)
        tx.execute(
            sa.update(image_table).where(image_table.c.collection_id == collection.id).values(state="indexed")
        )
        ids = tx.execute(
            sa.select(image_table.c.id)
            .where(image_table.c.collection_id == collection.id)
            .order_by(image_table.c.id)
        ).scalars()
        if list(ids) != list(range(1, COUNT + 1)):
            raise RuntimeError("the benchmark wants a catalogue of its own")
    fill(store, collection.vector_collection, vgg_like(COUNT, seed=2))


def measure_latency(report: Report, http: httpx.Client, forward_ms: float) -> float:
    """Measure single searches one after another, and return the 95th percentile of those with inference."""
    for seed in range(10):
        upload(http, picture(1_000 + seed))
    fresh = times_ms(_uploads(http, range(SEARCHES)))
    over = median(fresh) - forward_ms
    report.add("search, new picture: median", f"{median(fresh):.1f} ms")
    report.add(
        "search, new picture: median above one forward pass", f"{over:.1f} ms", "<= 12 ms", over <= OVERHEAD_MS
    )
    report.add("search, new picture: ratio to one forward pass", f"{median(fresh) / forward_ms:.2f}")
    same = picture(0)
    again = median(times_ms([lambda: upload(http, same)] * SEARCHES))
    report.add("search, picture asked before: median", f"{again:.1f} ms", "<= 12 ms", again <= OVERHEAD_MS)
    by_id = median(times_ms(_by_id(http, range(1, SEARCHES + 1))))
    report.add("search by image_id: median", f"{by_id:.1f} ms", "<= 8 ms", by_id <= BY_ID_MS)
    return p95(fresh)


def measure_isolation(report: Report, http: httpx.Client, library: Path, idle_p95: float) -> None:
    """Measure searches while a bulk job runs, until it ends."""
    folder = library / "bulk"
    folder.mkdir()
    for seed in range(BULK_PICTURES):
        (folder / f"{seed:04}.jpg").write_bytes(encoded(photo_like(10_000 + seed, (200, 150))))
    job = http.post("/api/v2/jobs", json={"source": str(folder), "collection": "bulk"}).json()["id"]
    until(lambda: show(http, job)["indexed"] > 0)
    taken: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        until(lambda: show(http, job)["finished_at"] is not None, seconds=600)
        ended.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    seeds = iter(range(2_000, 10_000))
    while not ended.is_set():
        taken += times_ms(_uploads(http, [next(seeds)]))
    watcher.join()
    finished = show(http, job)
    if finished["indexed"] != BULK_PICTURES:
        raise RuntimeError(f"the bulk job did not index everything: {finished}")
    ratio = p95(taken) / idle_p95
    report.add(f"searches during the bulk job ({len(taken)}): p95", f"{p95(taken):.1f} ms")
    report.add("p95 during the bulk job / p95 idle", f"{ratio:.2f}", "<= 3", ratio <= P95_RATIO)


def measure_bulk(report: Report, http: httpx.Client, library: Path, forward_rate: float) -> None:
    """Measure a whole job, from its submission to its end, against the network alone."""
    folder = library / "alone"
    folder.mkdir()
    for seed in range(BULK_PICTURES):
        (folder / f"{seed:04}.jpg").write_bytes(encoded(photo_like(20_000 + seed, (500, 375))))
    begun = times_ms([lambda: run(http, folder, "alone")])[0] / 1000
    rate = BULK_PICTURES / begun
    report.add("bulk job, pictures a second", f"{rate:.1f}")
    report.add("bulk job / forward passes of 32 alone", f"{rate / forward_rate:.2f}")
    again = times_ms([lambda: run(http, folder, "alone")])[0] / 1000
    report.add("the same job again / the first", f"{again / begun:.3f}")


def run(http: httpx.Client, folder: Path, collection: str) -> None:
    """Submit a job and wait for its end."""
    job = http.post("/api/v2/jobs", json={"source": str(folder), "collection": collection}).json()["id"]
    until(lambda: show(http, job)["finished_at"] is not None, seconds=600)


def show(http: httpx.Client, job: str) -> dict[str, Any]:
    """Return a job."""
    shown: dict[str, Any] = http.get(f"/api/v2/jobs/{job}").raise_for_status().json()
    return shown


def picture(seed: int) -> bytes:
    """Return a JPEG of the size of a web photo."""
    return encoded(photo_like(seed, (500, 375)))


def upload(http: httpx.Client, data: bytes) -> None:
    """Search with an uploaded picture."""
    http.post(f"/api/v2/collections/{COLLECTION}/search", files={"image": data}).raise_for_status()


def _uploads(http: httpx.Client, seeds: Any) -> Iterator[Any]:
    for seed in seeds:
        data = picture(seed)
        yield lambda data=data: upload(http, data)


def _by_id(http: httpx.Client, ids: Any) -> Iterator[Any]:
    url = f"/api/v2/collections/{COLLECTION}/search"
    for image_id in ids:
        yield lambda image_id=image_id: http.post(url, json={"image_id": image_id}).raise_for_status()
