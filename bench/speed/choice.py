"""Compare the product's forward pass with those of other engines that come as near to float32."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from bench.ground import COMPUTE_BATCH, Ground, pixels_of
from bench.ratio import Ratio, median_seconds, seconds
from imagesearch.contract import Pixels, Vectors
from imagesearch.networks import VGG16, VGG16_INT8
from imagesearch_extractor.embedding import Embedder, normalise

if TYPE_CHECKING:
    from bench.engines.contenders import Pass

MAX_LOSS: Final = {VGG16.name: 0.0005, VGG16_INT8.name: 0.002}
"""A contender is of the same class where its cosine to float32, on average, is lower by no more than this."""
COMPARED: Final = 16
"""Pictures whose vectors are compared."""
SINGLES: Final = 5
"""Passes of one picture in a round, of which the median counts."""


def measure(ground: Ground) -> None:
    """Measure the network of float32 weights."""
    ground.network()
    from bench.engines.contenders import of_float  # noqa: PLC0415 - TensorFlow must find its threads set
    from imagesearch_extractor.loading import load_weights  # noqa: PLC0415

    arrays = load_weights(ground.options.weights, VGG16.name, sha256="", download_timeout=60).arrays
    _compare(ground, VGG16.name, of_float(arrays), "")


def measure_int8(ground: Ground) -> None:
    """Measure the network in 8 bits."""
    network = ground.network(VGG16_INT8.name)
    from bench.engines.contenders import of_quantised  # noqa: PLC0415 - TensorFlow must find its threads set
    from imagesearch_extractor.quantised.files import load_quantised  # noqa: PLC0415

    layers = load_quantised(ground.options.weights_int8).layers
    _compare(ground, network.spec.name, of_quantised(layers), "_int8")


def _compare(ground: Ground, name: str, contenders: Mapping[str, Pass], ending: str) -> None:
    from imagesearch_extractor.settings import ExtractorSettings  # noqa: PLC0415
    from imagesearch_extractor.worker import load_network  # noqa: PLC0415 - TensorFlow must find its threads set

    network = ground.network(name)
    exact = load_network(ExtractorSettings(weights=ground.options.weights, compute_dtype="float32"))
    pixels = pixels_of(ground.pictures.photos(COMPARED))
    truth = exact.embed(pixels, "max")
    ours = _cosine(network.embed(pixels, "max"), truth)
    near = {who: _cosine(normalise(run(pixels)), truth) for who, run in contenders.items()}
    able = {who: run for who, run in contenders.items() if near[who] >= ours - MAX_LOSS[name]}
    ground.board.note(f"cosine to float32{ending}", ours=ours, **near)
    batch, single = pixels[:COMPUTE_BATCH], pixels[:1]
    _race(ground, f"engine_choice{ending}", network, able, batch)
    _race(ground, f"engine_choice_single{ending}", network, able, single)


def _race(ground: Ground, name: str, network: Embedder, contenders: Mapping[str, Pass], pixels: Pixels) -> None:
    """Let all of them make passes in turns; the ratio is that to the one that is fastest in the median."""
    runs = {
        "ours": partial(network.embed, pixels),
        **{who: partial(run, pixels) for who, run in contenders.items()},
    }
    passes = SINGLES if len(pixels) == 1 else 1
    for run in runs.values():
        seconds(run)
    taken: dict[str, list[float]] = {who: [] for who in runs}
    for _ in range(ground.sizes.passes):
        for who, run in runs.items():
            taken[who].append(median_seconds([run] * passes))
    middle = {who: float(np.median(values)) for who, values in taken.items()}
    best = min(contenders, key=middle.__getitem__)
    rates = {who: round(len(pixels) / value, 1) for who, value in middle.items()}
    ratio = Ratio(tuple(taken[best]), tuple(taken["ours"]))
    ground.board.ratio(name, ratio, "ms a pass of the best and of ours", 1e3, best=best, pictures_a_second=rates)


def _cosine(vectors: Vectors, truth: Vectors) -> float:
    return float((vectors * truth).sum(axis=1).mean())
