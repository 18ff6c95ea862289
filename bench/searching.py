"""Measure searches over HTTP against a running system with 20,000 vectors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bench.calling import Caller
from bench.lookalikes import vgg_like
from bench.recall import fill
from bench.report import Report, median, p95, times_ms
from imagesearch.catalog import collections, images, naming
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.naming import Named
from imagesearch.contract import ExtractedImage, Pixels
from imagesearch.networks import VGG16
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import Pooling, Preset
from imagesearch.settings import PictureSettings
from imagesearch.vectors import IndexSpec, VectorStore
from support.drawing import encoded, photo_like
from support.waiting import until

COUNT = 20_000
SEARCHES = 200
ROUND = 10
BULK_PICTURES = 600
OVERHEAD_MS = 12.0
BY_ID_MS = 8.0
P95_RATIO = 3.0
Embed = Callable[[Pixels, Pooling | None], object]


def prepare(catalog: Catalog, store: VectorStore, model: str, preset: Preset) -> str:
    """Give a collection of that name 20,000 rows and vectors of the running network; return its name in Milvus."""
    with catalog.transaction() as tx:
        collection, _ = collections.create(tx, preset, preprocessing=preset.options(VGG16))
        collections.pin_model(tx, collection, model)
    store.ensure_collection(collection.vector_collection, IndexSpec(), VGG16.dimension)
    with catalog.transaction() as tx:
        paths = [f"/bench/{index:05}.jpg" for index in range(COUNT)]
        rows = images.ensure_rows(tx, collection.id, paths, None, None)
        naming.name(
            tx,
            collection,
            [
                Named(rows[path], key, "", {}, ExtractedImage(rows[path].id, "", 0, 0, 500, 375, "JPEG", 0))
                for key, path in enumerate(paths, 1)
            ],
        )
    fill(store, collection.vector_collection, vgg_like(COUNT, seed=2))
    return collection.vector_collection


def measure_latency(report: Report, http: httpx.Client, caller: Caller, embed: Embed, preset: Preset) -> float:
    """Measure single searches one after another, and return the 95th percentile of those with inference.

    Searches and forward passes take turns, ten at a time: a machine that is slower for a while is so for both.
    """
    limits, preprocessing = PictureSettings(), preset.options(VGG16)
    pooling = preprocessing.pooling
    for seed in range(ROUND):
        caller.upload(picture(1_000 + seed))
    passes: list[float] = []
    fresh: list[float] = []
    for start in range(0, SEARCHES, ROUND):
        pictures = [picture(seed) for seed in range(start, start + ROUND)]
        pixels = [decode(data, preprocessing, limits).pixels[None] for data in pictures]
        embed(pixels[0], pooling)
        passes += times_ms([partial(embed, decoded, pooling) for decoded in pixels])
        fresh += times_ms([partial(caller.upload, data) for data in pictures])
    over = median(fresh) - median(passes)
    report.add(f"{preset}: forward pass of one picture: median", f"{median(passes):.1f} ms")
    report.add(f"{preset}: search, new picture: median", f"{median(fresh):.1f} ms")
    name = f"{preset}: search, new picture: median above one pass"
    report.add(name, f"{over:.1f} ms", "<= 12 ms", over <= OVERHEAD_MS)
    report.add(
        f"{preset}: search, new picture: ratio to one forward pass", f"{median(fresh) / median(passes):.2f}"
    )
    same = picture(0)
    again = median(times_ms([partial(caller.upload, same)] * SEARCHES))
    report.add(
        f"{preset}: search, picture asked before: median", f"{again:.1f} ms", "<= 12 ms", again <= OVERHEAD_MS
    )
    listed = http.get(f"/api/v2/collections/{preset}/images", params={"limit": SEARCHES}).raise_for_status().json()
    by_id = median(times_ms([partial(caller.by_id, image["id"]) for image in listed["items"]]))
    report.add(f"{preset}: search by image_id: median", f"{by_id:.1f} ms", "<= 8 ms", by_id <= BY_ID_MS)
    return p95(fresh)


def measure_isolation(report: Report, http: httpx.Client, caller: Caller, library: Path, idle_p95: float) -> None:
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
        taken += times_ms([partial(caller.upload, picture(next(seeds)))])
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
