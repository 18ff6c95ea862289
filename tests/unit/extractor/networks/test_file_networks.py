"""A network in a file gives what Keras itself gives, whether it lies there as Keras' own or as ONNX."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from imagesearch.contract import Pixels, Vectors
from imagesearch.errors import WeightsUnavailable
from imagesearch.networks import ModelIdentity
from imagesearch_extractor.embedding import NoFeatureMaps
from imagesearch_extractor.file_loading import load_file_network
from imagesearch_extractor.file_network import FileNetwork, open_network
from support.waiting import TIMEOUT

pytestmark = pytest.mark.usefixtures("tensorflow")

SIDE, MAPS, NUMBERS = 32, 6, 8
SMALLEST = f'name = "mine"\nside = {SIDE}\ndimension = {NUMBERS}\n'
FEATURES = f'name = "mine"\nside = {SIDE}\ndimension = {MAPS}\npooling = "avg"\n'


@pytest.fixture(scope="module")
def keras_model(tensorflow: None) -> Any:
    """Draw a network whose norms do something, and whose maps and vectors have negative numbers too."""
    import keras

    layers = keras.layers
    taken = layers.Input((SIDE, SIDE, 3), name="picture")
    maps = layers.Conv2D(4, 3, strides=2, activation="relu", name="first")(taken)
    maps = layers.BatchNormalization(name="norm")(maps)
    maps = layers.Conv2D(MAPS, 3, name="maps")(maps)
    model = keras.Model(taken, layers.Dense(NUMBERS, name="vector")(layers.GlobalAveragePooling2D()(maps)))
    draw = np.random.default_rng(11)
    model.set_weights([draw.normal(0, 0.4, each.shape) for each in model.get_weights()[:4]] + [
        draw.normal(0, 0.4, model.get_weights()[4].shape),
        draw.uniform(0.5, 2, model.get_weights()[5].shape),
        *(draw.normal(0, 0.4, each.shape) for each in model.get_weights()[6:]),
    ])  # fmt: skip
    return model


@pytest.fixture(scope="module")
def keras_file(keras_model: Any, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    import keras

    keras.config.disable_interactive_logging()
    path = tmp_path_factory.mktemp("saved") / "x.keras"
    keras_model.save(path)
    return path.read_bytes()


def onnx_model(keras_model: Any, batch: str | int = "n", *, domain: str = "") -> onnx.ModelProto:
    """Write the same network as ONNX, channels first."""
    arrays = {
        f"{layer.name}_{index}": array
        for layer in keras_model.layers
        for index, array in enumerate(layer.get_weights())
    }
    for name in ("first_0", "maps_0"):
        arrays[name] = arrays[name].transpose(3, 2, 0, 1)
    nodes = [
        helper.make_node("Conv", ["picture", "first_0", "first_1"], ["a"], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"], domain=domain),
        helper.make_node("BatchNormalization", ["b", *(f"norm_{i}" for i in range(4))], ["c"], epsilon=1e-3),
        helper.make_node("Conv", ["c", "maps_0", "maps_1"], ["maps"]),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "vector_0", "vector_1"], ["vector"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [batch, NUMBERS])],
        [numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


Load = Callable[..., FileNetwork]


@pytest.fixture
def load(keras_model: Any, keras_file: bytes, tmp_path: Path) -> Load:
    def loading(
        kind: str, description: str = SMALLEST, content: bytes | None = None, sha256: str = ""
    ) -> FileNetwork:
        path = tmp_path / f"mine.{kind}"
        if content is None:
            content = keras_file if kind == "keras" else onnx_model(keras_model).SerializeToString()
        path.write_bytes(content)
        path.with_suffix(".toml").write_text(description)
        network = open_network(path, sha256=sha256, compute_batch=4)
        network.warm_up()
        return network

    return loading


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    return np.random.default_rng(3).integers(0, 256, (6, SIDE, SIDE, 3), dtype=np.uint8)


def normalised(features: Any) -> Vectors:
    features = np.asarray(features)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


each_kind = pytest.mark.parametrize("kind", ["keras", "onnx"])


@each_kind
@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_vectors_are_those_of_keras_own_code(
    kind: str, mode: str, load: Load, keras_model: Any, pixels: Pixels
) -> None:
    from keras.src.applications.imagenet_utils import preprocess_input

    wanted = normalised(keras_model(preprocess_input(pixels.astype(np.float32), mode=mode), training=False))
    vectors = load(kind, f'{SMALLEST}preprocessing = "{mode}"').embed(pixels)
    np.testing.assert_allclose(vectors, wanted, atol=2e-5)
    # Those of two pictures are told apart by more.
    assert (vectors < 0).any()
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3


@each_kind
def test_feature_maps_are_pooled_as_asked(kind: str, load: Load, keras_model: Any, pixels: Pixels) -> None:
    import keras

    maps = np.asarray(
        keras.Model(keras_model.input, keras_model.get_layer("maps").output)(pixels.astype(np.float32))
    )
    network = load(kind, f'{FEATURES}output = "maps"')
    assert network.spec.pooling == "avg"
    wanted = {
        "max": maps.max(axis=(1, 2)),
        "avg": maps.mean(axis=(1, 2)),
        "gem": np.cbrt((np.maximum(maps, 0) ** 3).mean(axis=(1, 2))),
    }
    for pooling, features in wanted.items():
        np.testing.assert_allclose(network.embed(pixels, pooling), normalised(features), atol=2e-5)  # type: ignore[arg-type]
    np.testing.assert_array_equal(network.embed(pixels), network.embed(pixels, "avg"))


@each_kind
@pytest.mark.parametrize("pooling", ["max", "avg", "gem"])
def test_maps_are_shown_beside_what_was_pooled_from_them(
    kind: str, pooling: Any, load: Load, keras_model: Any, pixels: Pixels
) -> None:
    """Those that a ReLU leaves; of `gem` others as well, because it takes what is negative for nothing."""
    import keras

    layer = "maps" if pooling == "gem" else "first"
    sizes = FEATURES if pooling == "gem" else FEATURES.replace(f"= {MAPS}", "= 4")
    name = layer if kind == "keras" or pooling == "gem" else "b"
    wanted = keras.Model(keras_model.input, keras_model.get_layer(layer).output)(pixels.astype(np.float32))
    network = load(kind, f'{sizes}output = "{name}"')
    vectors, maps = network.embed_with_maps(pixels, pooling)
    np.testing.assert_allclose(maps, np.maximum(np.asarray(wanted), 0), atol=1e-3)
    np.testing.assert_allclose(vectors, network.embed(pixels, pooling), atol=1e-6)


@each_kind
def test_a_network_whose_cells_have_no_share_shows_no_maps(kind: str, load: Load, pixels: Pixels) -> None:
    with pytest.raises(NoFeatureMaps):
        load(kind).embed_with_maps(pixels)
    with pytest.raises(NoFeatureMaps):
        load(kind, f'{FEATURES}output = "maps"').embed_with_maps(pixels, "avg")


@each_kind
def test_a_vector_is_the_same_in_any_company(kind: str, load: Load, pixels: Pixels) -> None:
    network = load(kind)
    alone = np.concatenate([network.embed(pixels[index : index + 1]) for index in range(len(pixels))])
    np.testing.assert_allclose(network.embed(pixels), alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5)


def test_a_network_that_takes_two_pictures_at_once_gets_two(load: Load, keras_model: Any, pixels: Pixels) -> None:
    fixed = load("onnx", content=onnx_model(keras_model, batch=2).SerializeToString())
    np.testing.assert_allclose(fixed.embed(pixels[:5]), load("onnx").embed(pixels[:5]), atol=1e-5)


@each_kind
def test_identity_is_of_the_file_and_of_what_is_said_of_it(kind: str, load: Load, keras_model: Any) -> None:
    first = load(kind)
    made = ModelIdentity.parse(first.identity)
    assert (made.network, made.pooling, made.dimension) == ("mine", "none", NUMBERS)
    assert load(kind, f"# a remark\n{SMALLEST}").identity == first.identity
    assert load(kind, f'{SMALLEST}channels = "bgr"').identity != first.identity
    if kind == "onnx":
        other = onnx_model(keras_model)
        other.doc_string = "another file"
        assert load(kind, content=other.SerializeToString()).identity != first.identity


def refused(load: Load, *arguments: Any, **named: Any) -> str:
    with pytest.raises(WeightsUnavailable) as caught:
        load(*arguments, **named)
    message = str(caught.value)
    assert "\n" not in message
    return message


@each_kind
@pytest.mark.parametrize(
    ("description", "words"),
    [
        (SMALLEST.replace("32", "64"), "the description says"),
        (SMALLEST.replace("= 8", "= 9"), "its output has the shape [1, 8], not [1, 9]"),
        (f'{SMALLEST}output = "none"', "'none' in it"),
        (f'{SMALLEST}output = "maps"', "see dimension, output and pooling"),
        (f'{SMALLEST}pooling = "max"', "not feature maps of 8 channels"),
        (FEATURES.replace("= 6", "= 7") + 'output = "maps"', "not feature maps of 7 channels"),
        (f'{SMALLEST}input = "other"', "input"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(kind: str, description: str, words: str, load: Load) -> None:
    message = refused(load, kind, description)
    assert words in message
    assert f"mine.{kind} cannot be used" in message


@each_kind
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_part_of_a_file_is_refused(
    kind: str, share: float, load: Load, keras_file: bytes, keras_model: Any
) -> None:
    whole = keras_file if kind == "keras" else onnx_model(keras_model).SerializeToString()
    assert "cannot be used" in refused(load, kind, content=whole[: int(share * len(whole))])


@each_kind
def test_another_digest_is_refused(kind: str, load: Load) -> None:
    assert f"WEIGHTS_SHA256 says {'ab' * 32}" in refused(load, kind, sha256="AB" * 32)


def changed(model: onnx.ModelProto, change: Callable[[onnx.ModelProto], object]) -> bytes:
    change(model)
    return model.SerializeToString()


def move_out(tensor: TensorProto) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def in_a_branch(model: onnx.ModelProto) -> None:
    """Hide the tensor in the branch of a condition."""
    tensor = numpy_helper.from_array(np.zeros(1, np.float32), "hidden")
    move_out(tensor)
    branch = helper.make_graph([helper.make_node("Constant", [], ["x"], value=tensor)], "branch", [], [])
    model.graph.node.append(helper.make_node("If", ["a"], ["y"], then_branch=branch, else_branch=branch))


@pytest.mark.parametrize(
    "change", [lambda model: move_out(model.graph.initializer[0]), in_a_branch], ids=["initializer", "branch"]
)
def test_numbers_in_other_files_are_not_read(
    change: Callable[[onnx.ModelProto], object], load: Load, keras_model: Any
) -> None:
    assert "lie in another file" in refused(load, "onnx", content=changed(onnx_model(keras_model), change))


def test_operators_of_others_are_refused(load: Load, keras_model: Any) -> None:
    content = onnx_model(keras_model, domain="com.example").SerializeToString()
    assert "com.example.Relu is not one of ONNX Runtime's own" in refused(load, "onnx", content=content)


def test_several_outputs_need_a_name(load: Load, keras_model: Any) -> None:
    def add(model: onnx.ModelProto) -> None:
        model.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, None))

    content = changed(onnx_model(keras_model), add)
    assert "'vector', 'flat'" in refused(load, "onnx", content=content)
    assert load("onnx", f'{SMALLEST}output = "vector"', content).identity


def test_whole_numbers_are_no_pictures(load: Load, keras_model: Any) -> None:
    def retype(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64

    message = refused(load, "onnx", content=changed(onnx_model(keras_model), retype))
    assert "ONNX Runtime refuses it" in message or "not floating point" in message


@pytest.mark.parametrize("name", ["mine.h5", "mine", "mine.pt"])
def test_other_kinds_of_files_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(WeightsUnavailable, match=r"NETWORK=file takes \.onnx or \.keras files"):
        load_file_network(str(tmp_path / name), sha256="", compute_batch=4)
    with pytest.raises(WeightsUnavailable, match="no such file"):
        load_file_network(str(tmp_path / "gone.onnx"), sha256="", compute_batch=4)


@pytest.mark.parametrize(
    ("description", "code", "words"),
    [(SMALLEST, 0, f"is ready: mine-none-{NUMBERS}:"), (SMALLEST.replace("32", "33"), 78, "mine.toml: side:")],
)
def test_prefetch_tries_a_file_without_tensorflow(
    description: str, code: int, words: str, keras_model: Any, tmp_path: Path
) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(onnx_model(keras_model).SerializeToString())
    path.with_suffix(".toml").write_text(description)
    # A package that cannot be imported stands before TensorFlow's.
    (tmp_path / "tensorflow.py").write_text("raise ImportError")
    environment = {**os.environ, "NETWORK": "file", "WEIGHTS": str(path), "PYTHONPATH": str(tmp_path)}
    program = [sys.executable, "-m", "imagesearch_extractor.prefetch"]
    ran = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert (ran.returncode, words in ran.stdout + ran.stderr) == (code, True), ran.stderr
