"""Measure whole jobs against the bare forward pass of the same pictures, and against the published way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from pymilvus import MilvusClient

from bench.bare.published import Published
from bench.ground import COMPUTE_BATCH, PIPELINE, Ground, pixels_of
from bench.pictures import lay
from bench.ratio import Ratio, seconds
from bench.scale.cpu import all_of
from imagesearch.contract import Pixels
from imagesearch.networks import VGG16, VGG16_INT8
from imagesearch_extractor.embedding import Embedder

Sums = dict[tuple[str, str], tuple[float, float]]

WARMING: Final = 32
"""Pictures of the job before those that are measured: the first one makes what later ones find."""


def measure(ground: Ground) -> None:
    """Measure the network of float32 weights, and the published way beside it."""
    published = Published(ground.options.weights)
    some = lay(ground.library / "published", ground.pictures.photos(ground.sizes.published))
    paths = sorted(some.iterdir())
    with_milvus = MilvusClient(ground.milvus.uri, dedicated=True)
    published.create(with_milvus)
    published.index(with_milvus, paths[:1])
    rounds = _rounds(ground, VGG16.name, beside=lambda: seconds(partial(published.index, with_milvus, paths)))
    with_milvus.close()
    job, bare, way = (tuple(each[at] for each in rounds) for at in range(3))
    pictures = ground.sizes.pictures
    _report(ground, "ingest_efficiency", job, bare)
    slow = tuple(taken / len(paths) for taken in way)
    for name, fast in (("ingest_vs_published", job), ("ingest_vs_published_ceiling", bare)):
        each = tuple(taken / pictures for taken in fast)
        ground.board.ratio(name, Ratio(slow, each), "ms a picture of the published way and of this", 1e3)


def measure_int8(ground: Ground) -> None:
    """Measure the network in 8 bits."""
    ground.network(VGG16_INT8.name)
    rounds = _rounds(ground, VGG16_INT8.name)
    _report(ground, "ingest_efficiency_int8", *(tuple(each[at] for each in rounds) for at in range(2)))


def _rounds(
    ground: Ground, network: str, beside: Callable[[], float] = lambda: 0.0
) -> list[tuple[float, float, float]]:
    """Return the seconds of a job, of the bare passes over its pictures, and of something else, in turns."""
    product, own = ground.product, ground.network(network)
    pictures = ground.pictures.photos(ground.sizes.pictures)
    pixels = pixels_of(pictures)
    folder = lay(ground.library / f"ingest-{network}", pictures)
    warm = lay(ground.library / f"warm-{network}", pictures[:WARMING])
    product.create(f"warm-{network}", network)
    product.index(warm, f"warm-{network}", len(pictures[:WARMING]))
    rounds = []
    for number in range(ground.sizes.jobs):
        name = f"ingest-{network}-{number}"
        product.create(name, network)
        before, cpu = product.sums(), _cpu(ground)
        job = product.index(folder, name, len(pictures))
        spent = {who: round(now - cpu.get(who, 0.0), 2) for who, now in _cpu(ground).items()}
        bare = seconds(partial(_passes, own, pixels))
        facts = {"job": round(job, 2), "bare_passes": round(bare, 2), "lost": round(job - bare, 2)}
        ground.board.note(f"stages of a job, {network}", **facts, **_stages(before, product.sums()))
        ground.board.note(f"seconds of the CPU in this job, {network}", **spent)
        rounds.append((job, bare, beside()))
    return rounds


def _passes(network: Embedder, pixels: Pixels) -> None:
    for start in range(0, len(pixels), COMPUTE_BATCH):
        network.embed(pixels[start : start + COMPUTE_BATCH], PIPELINE.pooling)


def _report(ground: Ground, name: str, job: tuple[float, ...], bare: tuple[float, ...]) -> None:
    rate = ground.sizes.pictures / float(np.median(job))
    ground.board.ratio(name, Ratio(bare, job), "s of the bare passes and of the job", pictures_a_second=rate)


def _cpu(ground: Ground) -> dict[str, float]:
    return {**ground.product.cpu(), "milvus": all_of(ground.milvus.process.pid if ground.milvus.process else 0)}


def _stages(before: Sums, after: Sums) -> dict[str, float]:
    """Return the seconds that workers spent in each stage.

    Those of several threads add up, and those of the forward pass include how long a batch waited for its turn.
    """
    spent = {}
    for (histogram, label), (total, count) in after.items():
        was = before.get((histogram, label), (0.0, 0.0))
        if count > was[1]:
            who, _, what = histogram.partition(" imagesearch_")
            spent[f"{who} {what.removesuffix('_seconds')} {label}".strip()] = round(total - was[0], 2)
    return spent
