"""Make 8-bit weights of VGG16 from trained ones: `make quantise WEIGHTS=FILE PHOTOS=DIR OUT=FILE.int8.h5`.

Pictures under PHOTOS, at any depth, say which numbers flow through the network: up to CALIBRATION of them (300)
are looked at, and 100 others tell how far the new vectors lie from those of float32. They should resemble what is
to be indexed. Runs in an environment of its own, outside what workers need.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from imagesearch.contract import Pixels, Vectors
from imagesearch.errors import PictureRejected, WeightsUnavailable
from imagesearch.networks import VGG16
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import DEFAULT_PRESET
from imagesearch.settings import PictureSettings
from imagesearch_extractor.cpu import usable_cpus
from imagesearch_extractor.embedding import normalise
from imagesearch_extractor.loading import load_weights
from imagesearch_extractor.quantised.files import write_quantised
from imagesearch_extractor.quantised.graph import float_graph, quantised_graph
from imagesearch_extractor.quantised.weights import Origin, QuantisedLayer, QuantisedWeights
from imagesearch_extractor.settings import QUANTISED_SUFFIX
from imagesearch_extractor.weights import Weights

SEED = 1
JUDGED = 100
"""Pictures that the result is compared by; none of them was calibrated with."""
MIN_CALIBRATION = 32
"""Pictures to calibrate with; with fewer, bounds hang on single pictures."""
TOOLS = ("nncf", "openvino")


def main() -> int:
    """Quantise, compare and write, and say how it went."""
    parser = argparse.ArgumentParser(prog="make quantise")
    parser.add_argument("weights", help="WEIGHTS: a file that Keras saved")
    parser.add_argument("photos", type=Path, help="PHOTOS: a directory of pictures")
    parser.add_argument("out", type=Path, help=f"OUT: the file to write, *{QUANTISED_SUFFIX}")
    given = parser.parse_args()
    if not given.out.name.endswith(QUANTISED_SUFFIX):
        parser.error(f"OUT={given.out} has to end with {QUANTISED_SUFFIX}")
    try:
        weights = load_weights(given.weights, download_timeout=60)
        pictures = list(_pictures(given.photos, int(os.environ.get("CALIBRATION") or 300) + JUDGED))
    except WeightsUnavailable as error:
        parser.error(str(error))
    calibrating, judging = pictures[JUDGED:], pictures[:JUDGED]
    if len(calibrating) < MIN_CALIBRATION:
        parser.error(
            f"PHOTOS={given.photos} holds {len(pictures)} pictures; {JUDGED + MIN_CALIBRATION} are needed"
        )
    layers = quantised(weights, calibrating)
    cosines = agreement(weights, layers, judging)
    origin = Origin(
        source=weights.sha256,
        calibration=hashlib.sha256(np.stack(calibrating).tobytes()).hexdigest(),
        pictures=len(calibrating),
        cosine_mean=round(float(cosines.mean()), 6),
        cosine_least=round(float(cosines.min()), 6),
        tools=", ".join(f"{name} {version(name)}" for name in TOOLS),
    )
    made = QuantisedWeights(tuple(layers), origin, str(given.out))
    write_quantised(given.out, made)
    sys.stdout.write(
        f"{given.out} is {made.identity}\n"
        f"calibrated with {origin.pictures} pictures; of {len(judging)} others the cosine to float32 is "
        f"{origin.cosine_mean:.5f} on average and {origin.cosine_least:.5f} at least\n"
    )
    return 0


def _pictures(folder: Path, most: int) -> Iterator[Pixels]:
    """Yield pictures drawn from a folder as the network gets them; files that are none are passed over."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    random.Random(SEED).shuffle(paths)  # noqa: S311 - the same in each run
    options, limits, found = DEFAULT_PRESET.options(VGG16), PictureSettings(), 0
    for path in paths:
        if found == most:
            return
        try:
            yield decode(path.read_bytes(), options, limits).pixels
        except PictureRejected:
            continue
        found += 1


def quantised(weights: Weights, pictures: Sequence[Pixels]) -> list[QuantisedLayer]:
    """Return the layers of a network in 8-bit numbers.

    Args:
        weights: of VGG16.
        pictures: uint8[side, side, 3] each, by which bounds are chosen and biases corrected.
    """
    # Told before the import: it would report to its makers that it is used.
    os.environ["NNCF_CI"] = "1"
    import nncf  # noqa: PLC0415

    found = nncf.quantize(
        float_graph(weights.arrays),
        nncf.Dataset([picture[None] for picture in pictures]),
        subset_size=len(pictures),
        preset=nncf.QuantizationPreset.MIXED,
        # Of each layer by itself, in place of an estimate: 0.99903 in place of 0.9989 to float32.
        fast_bias_correction=False,
        # CPUs on which sums overflow are refused, so that no bit has to be given up for them.
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.DISABLE),
    )
    convolutions = [each for each in found.get_ordered_ops() if each.get_type_name() == "Convolution"]
    return [_layer(each, is_first=number == 0) for number, each in enumerate(convolutions)]


def _layer(convolution: Any, *, is_first: bool) -> QuantisedLayer:
    """Read what a quantised graph says of a convolution."""
    quantiser = _above(convolution, "FakeQuantize")
    low, high = (float(_constant(quantiser, place).reshape(-1)[0]) for place in (1, 2))
    scaled = convolution.input_value(1).get_node()
    kernel = _constant(scaled.input_value(0).get_node(), 0)
    turned = kernel.transpose(2, 3, 1, 0)
    added = next(
        each.get_node()
        for each in convolution.output(0).get_target_inputs()
        if each.get_node().get_type_name() == "Add"
    )
    return QuantisedLayer(
        kernel=np.ascontiguousarray(turned[:, :, ::-1] if is_first else turned).astype(np.int8, casting="no"),
        scale=_constant(scaled, 1).reshape(-1).astype(np.float32),
        bias=_constant(added, 1).reshape(-1).astype(np.float32),
        bounds=np.array([low, high], np.float32),
    )


def _above(node: Any, kind: str) -> Any:
    """Return the nearest node of a kind that a node's first input comes through."""
    while node.get_type_name() != kind:
        node = node.input_value(0).get_node()
    return node


def _constant(node: Any, place: int) -> Any:
    """Return the numbers that an input of a node is."""
    return _above(node.input_value(place).get_node(), "Constant").get_data()


def agreement(weights: Weights, layers: Sequence[QuantisedLayer], pictures: Sequence[Pixels]) -> Vectors:
    """Return the cosine between the vectors of both networks for each picture, max-pooled, float32[n]."""
    ours, theirs = (_vectors(graph, pictures) for graph in (quantised_graph(layers), float_graph(weights.arrays)))
    cosines: Vectors = (ours * theirs).sum(axis=1)
    return cosines


def _vectors(graph: openvino.Model, pictures: Sequence[Pixels]) -> Vectors:
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": usable_cpus()}
    compiled = openvino.Core().compile_model(graph, "CPU", settings)
    return normalise(np.concatenate([compiled([picture[None]])[0][0] for picture in pictures]))


if __name__ == "__main__":
    sys.exit(main())
