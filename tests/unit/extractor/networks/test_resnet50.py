"""ResNet-50 against Keras' own code, with weights and norms that are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from imagesearch.contract import Pixels
from imagesearch.networks import ModelIdentity
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from imagesearch_extractor.architectures import ARCHITECTURES
from imagesearch_extractor.weights import Weights, checked_weights, random_weights

if TYPE_CHECKING:
    from imagesearch_extractor.network import Network
    from imagesearch_extractor.settings import ComputeDtype

RESNET50 = ARCHITECTURES["resnet50"]
AS_PUBLISHED = Preprocessing(resize="nearest", trim_borders=False)


@pytest.fixture(scope="module")
def untrained() -> Weights:
    return random_weights("random:7", RESNET50)


@pytest.fixture(scope="module")
def weights(untrained: Weights) -> Weights:
    """Draw norms that do something: trained ones have means, and variances far from 1."""
    generator = np.random.default_rng(5)
    arrays = []
    for layer, first in zip(RESNET50.layers, _starts(), strict=True):
        own = list(untrained.arrays[first : first + len(layer.shapes)])
        if layer.kernel is None:
            gamma, beta, mean, variance = own
            own = [
                gamma * generator.uniform(0.5, 1.5, gamma.shape),
                beta + generator.normal(0, 0.2, beta.shape),
                mean + generator.normal(0, 0.2, mean.shape),
                variance * generator.lognormal(0, 1, variance.shape),
            ]
        arrays += [array.astype(np.float32) for array in own]
    return checked_weights(RESNET50, arrays, "drawn.h5")


def _starts() -> list[int]:
    counts = [len(layer.shapes) for layer in RESNET50.layers]
    return [sum(counts[:index]) for index in range(len(counts))]


@pytest.fixture(scope="module")
def keras_model(weights: Weights, tensorflow: None) -> Any:
    """Build the network by Keras alone; only the weights' numbers are the product's."""
    import keras

    model = keras.applications.ResNet50(weights=None, include_top=False, pooling="avg", input_shape=(224, 224, 3))
    rest = list(weights.arrays)
    for layer in RESNET50.layers:
        model.get_layer(layer.name).set_weights([rest.pop(0) for _ in layer.shapes])
    return model


@pytest.fixture(scope="module")
def published(photos: list[Path], keras_model: Any) -> np.ndarray:
    import keras

    vectors = []
    for path in photos[:4]:
        image = keras.utils.img_to_array(keras.utils.load_img(path, target_size=(224, 224)))
        batch = keras.applications.resnet50.preprocess_input(np.expand_dims(image, axis=0))
        feature = np.asarray(keras_model(batch, training=False))[0]
        vectors.append(feature / np.linalg.norm(feature))
    return np.stack(vectors)


@pytest.fixture(scope="module")
def pixels(photos: list[Path]) -> Pixels:
    return np.stack([decode(path.read_bytes(), AS_PUBLISHED, PictureSettings()).pixels for path in photos[:4]])


def network(weights: Weights, dtype: ComputeDtype) -> Network:
    from imagesearch_extractor.network import Network

    return Network(weights, dtype=dtype, compute_batch=4)


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 0.999999), ("bfloat16", 0.9999)])
def test_vectors_are_those_of_keras_own_network(
    dtype: ComputeDtype, bound: float, weights: Weights, pixels: Pixels, published: np.ndarray
) -> None:
    made = network(weights, dtype)
    vectors = made.embed(pixels)
    assert vectors.shape == (4, 2_048)
    assert (vectors * published).sum(axis=1).min() > bound
    assert made.traces == 1


def test_the_comparison_tells_photos_apart(published: np.ndarray) -> None:
    between = published @ published.T
    assert between[np.triu_indices(len(between), 1)].max() < 0.9999


def test_a_picture_may_have_another_size(weights: Weights, pixels: Pixels) -> None:
    made = network(weights, "float32")
    larger = np.kron(pixels[:1], np.ones((1, 2, 2, 1), np.uint8))
    assert made.embed(larger).shape == made.embed(pixels[:1]).shape == (1, 2_048)
    assert (made.embed_with_maps(pixels[:1])[1].shape, made.window) == ((1, 7, 7, 2_048), 1)
    assert made.traces == 1


@pytest.mark.usefixtures("tensorflow")
def test_an_untrained_network_tells_photos_apart_and_warms_up(untrained: Weights, pixels: Pixels) -> None:
    made = network(untrained, "float32")
    made.warm_up()
    vectors = made.embed(pixels)
    assert (vectors @ vectors.T)[np.triu_indices(4, 1)].max() < 0.9999


@pytest.mark.parametrize("name", ["x.weights.h5", "x.h5"])
def test_a_file_that_keras_saved_has_the_same_identity(
    name: str, weights: Weights, keras_model: Any, tmp_path: Path
) -> None:
    from imagesearch_extractor.loading import load_weights

    if name == "x.h5":
        import keras

        keras.config.disable_interactive_logging()
        keras_model.save(tmp_path / name)
    else:
        keras_model.save_weights(tmp_path / name)
    loaded = load_weights(str(tmp_path / name), "resnet50", download_timeout=1.0)
    assert loaded.identity == weights.identity
    assert ModelIdentity.parse(loaded.identity) == ModelIdentity("resnet50", "avg", 2_048, weights.sha256)
