"""VGG16 in 8-bit numbers gives nearly what it gives in float32, and its file is judged before it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import openvino
import pytest

from imagesearch.contract import Pixels, Vectors
from imagesearch.errors import WeightsUnavailable
from imagesearch.networks import ModelIdentity
from imagesearch.pipeline import Pooling
from imagesearch_extractor.embedding import normalise
from imagesearch_extractor.explaining import explain
from imagesearch_extractor.quantised import files
from imagesearch_extractor.quantised.files import load_quantised, write_quantised
from imagesearch_extractor.quantised.graph import float_graph
from imagesearch_extractor.quantised.network import QuantisedNetwork
from imagesearch_extractor.quantised.weights import NAMES, Origin, QuantisedLayer, QuantisedWeights
from imagesearch_extractor.settings import ExtractorSettings
from support.drawing import photo_like

if TYPE_CHECKING:
    from imagesearch_extractor.network import Network
    from imagesearch_extractor.weights import Array, Weights

SIDE = 64
POOLINGS: tuple[Pooling, ...] = ("max", "avg", "gem")
ORIGIN = Origin("a" * 64, "b" * 64, 300, 0.999, 0.99, "nncf 0, openvino 0")


def quantise(number: int, kernel: Array, bias: Array) -> QuantisedLayer:
    """Keep seven bits of a kernel: eight would overflow on CPUs that the product refuses; tests run there too."""
    scale = np.abs(kernel).max(axis=(0, 1, 2)) / 63
    # He's initialisation keeps numbers about as large as they came: a few hundred at most.
    bounds = np.array([-130, 160] if number == 0 else [0, 600], np.float32)
    return QuantisedLayer(np.round(kernel / scale).astype(np.int8), scale.astype(np.float32), bias, bounds)


@pytest.fixture(scope="module")
def weights(random_7: Weights) -> QuantisedWeights:
    pairs = zip(random_7.arrays[::2], random_7.arrays[1::2], strict=True)
    layers = tuple(quantise(number, *pair) for number, pair in enumerate(pairs))
    return QuantisedWeights(layers, ORIGIN, "made.int8.h5")


@pytest.fixture(scope="module")
def network(weights: QuantisedWeights) -> QuantisedNetwork:
    return QuantisedNetwork(weights, compute_batch=4)


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    return np.stack([np.asarray(photo_like(seed, (SIDE, SIDE))) for seed in range(6)])


@pytest.fixture(autouse=True)
def any_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load files on CPUs that the product would refuse, too."""
    monkeypatch.setattr(files, "multiplies_in_int8", lambda: True)


def cosines(first: Vectors, second: Vectors) -> Vectors:
    made: Vectors = (first * second).sum(axis=1)
    return made


@pytest.mark.parametrize("pooling", POOLINGS)
def test_vectors_are_nearly_those_of_float32(
    network: QuantisedNetwork, exact: Network, pixels: Pixels, pooling: Pooling
) -> None:
    made = network.embed(pixels, pooling)
    assert made.dtype == np.float32
    assert cosines(made, made) == pytest.approx(1, abs=1e-5)
    assert cosines(made, exact.embed(pixels, pooling)).min() > 0.995
    others = network.embed(pixels, next(each for each in POOLINGS if each != pooling))
    assert np.abs(made - others).max() > 0.01


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_graph_that_is_quantised_is_keras_network(
    exact: Network, random_7: Weights, pixels: Pixels, pooling: Pooling
) -> None:
    graph = openvino.Core().compile_model(float_graph(random_7.arrays), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    made = normalise(graph([pixels[:2]])[0][POOLINGS.index(pooling)])
    assert made == pytest.approx(exact.embed(pixels[:2], pooling), abs=1e-5)


def test_a_vector_is_the_same_in_any_company(network: QuantisedNetwork, pixels: Pixels) -> None:
    alone = np.concatenate([network.embed(pixels[index : index + 1], "gem") for index in range(len(pixels))])
    assert network.embed(pixels, "gem") == pytest.approx(alone, abs=1e-5)
    assert network.embed(pixels).tobytes() == network.embed(pixels, "max").tobytes()


def test_pictures_of_other_sides_have_vectors_too(
    network: QuantisedNetwork, exact: Network, pixels: Pixels
) -> None:
    small = np.ascontiguousarray(pixels[:1, :32, :32])
    assert cosines(network.embed(small), exact.embed(small)).min() > 0.99


def test_maps_explain_a_similarity_without_a_rest(network: QuantisedNetwork, pixels: Pixels) -> None:
    vectors, maps = network.embed_with_maps(pixels[:2], "gem")
    assert maps.shape == (2, SIDE // 16, SIDE // 16, 512)
    found = explain(vectors, maps, "gem", np.zeros(512, np.float32), network.window)
    assert found.cells.sum(axis=(1, 2)) == pytest.approx([float(vectors[0] @ vectors[1])] * 2, abs=1e-4)


def test_the_identity_is_of_the_numbers_alone(weights: QuantisedWeights, network: QuantisedNetwork) -> None:
    made = ModelIdentity.parse(network.identity)
    assert (made.network, made.pooling, made.dimension) == ("vgg16_int8", "max", 512)
    told = replace(weights, origin=replace(ORIGIN, pictures=7), setting="elsewhere/other.int8.h5")
    assert (told.identity, told.label) == (network.identity, "other.int8.h5")
    first, *others = weights.layers
    for name in NAMES:
        array = getattr(first, name).copy()
        array.flat[0] += 1
        changed = replace(weights, layers=(replace(first, **{name: array}), *others))
        assert changed.identity != network.identity, name


@pytest.fixture(scope="module")
def content(weights: QuantisedWeights, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("quantised") / "made.int8.h5"
    write_quantised(path, weights)
    assert [each.name for each in path.parent.iterdir()] == ["made.int8.h5"]
    return path.read_bytes()


@pytest.fixture
def file(content: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "made.int8.h5"
    path.write_bytes(content)
    return path


def test_a_file_holds_what_was_written(weights: QuantisedWeights, file: Path) -> None:
    read = load_quantised(str(file))
    assert (read.identity, read.origin) == (weights.identity, ORIGIN)


def refused(file: Path, sha256: str = "") -> str:
    with pytest.raises(WeightsUnavailable) as caught:
        load_quantised(str(file), sha256=sha256)
    message = str(caught.value)
    assert message.startswith(f"WEIGHTS={file}")
    assert "\n" not in message
    return message


def test_what_is_no_such_file_is_refused(file: Path, tmp_path: Path) -> None:
    assert "WEIGHTS_SHA256 says" in refused(file, "ab" * 32)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert "cannot be read as quantised weights" in refused(file)
    file.write_bytes(b"")
    assert "cannot be read as quantised weights" in refused(file)
    assert "no such file" in refused(tmp_path / "gone.int8.h5")


def set_origin(text: str) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        content.attrs["origin"] = text

    return change


def put(name: str, array: np.ndarray) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        del content[name]
        content[name] = array

    return change


def link_out(content: Any) -> None:
    del content["block3_conv1/bias"]
    content["block3_conv1"].create_dataset("bias", (256,), "f4", external=[("/etc/passwd", 0, 1024)])


def rename(content: Any) -> None:
    content.attrs["network"] = "vgg19_int8"


BIAS = np.zeros(256, np.float32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rename, "does not say that it is one"),
        (set_origin("{}"), "does not say where it comes from"),
        (set_origin("[1"), "does not say where it comes from"),
        (set_origin(json.dumps(dict.fromkeys(Origin.__slots__, "x"))), "does not say where it comes from"),
        (lambda content: content.__delitem__("block3_conv1"), "block3_conv1"),
        (link_out, "no array of its own"),
        (put("block3_conv1/bias", BIAS[:-1]), "bias of block3_conv1 is float32[255]"),
        (put("block3_conv1/bias", BIAS.astype(np.float64)), "bias of block3_conv1 is float64[256]"),
        (put("block3_conv1/bias", BIAS + np.nan), "bias of block3_conv1 holds NaN"),
        (put("block3_conv1/scale", BIAS), "the steps of block3_conv1 are none"),
        (put("block3_conv1/bounds", np.array([2, 1], np.float32)), "the steps of block3_conv1 are none"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_a_file_that_says_something_else_is_refused(change: Callable[[Any], None], words: str, file: Path) -> None:
    with h5py.File(file, "r+") as opened:
        change(opened)
    assert words in refused(file)


def test_a_cpu_whose_sums_overflow_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "multiplies_in_int8", lambda: False)
    assert "this CPU has no VNNI" in refused(file)


@pytest.mark.parametrize(
    ("network", "weights", "expected"),
    [
        ("vgg16", "/models/vgg16.int8.h5", True),
        ("vgg16_int8", "/models/any.h5", True),
        ("vgg16", "/models/vgg16.h5", False),
        ("vgg16", "imagenet", False),
        ("resnet50", "/models/x.int8.h5", False),
    ],
)
def test_the_settings_say_whether_weights_are_quantised(network: Any, weights: str, expected: bool) -> None:
    assert ExtractorSettings(network=network, weights=weights).is_quantised is expected


def test_a_worker_opens_the_network_of_such_a_file(
    file: Path, weights: QuantisedWeights, tensorflow: None
) -> None:
    from imagesearch_extractor.worker import load_network

    opened = load_network(ExtractorSettings(weights=str(file), compute_batch=1))
    assert (opened.identity, opened.untrained, opened.weights) == (weights.identity, False, file.name)
