"""The real network, untrained. One import of TensorFlow and two networks serve all of these tests."""

from __future__ import annotations

from pathlib import Path
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import numpy as np
import pytest

from imagesearch.contract import Pixels
from imagesearch.errors import WeightsUnavailable
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import Pooling, Preprocessing
from imagesearch.settings import PictureSettings
from imagesearch_extractor.embedding import has_direction
from imagesearch_extractor.explaining import explain
from imagesearch_extractor.weights import Weights, checked_weights

if TYPE_CHECKING:
    from imagesearch_extractor.network import Network


AS_PUBLISHED = Preprocessing(resize="nearest", trim_borders=False)


def pixels_of(paths: list[Path]) -> Pixels:
    return np.stack([decode(path.read_bytes(), AS_PUBLISHED, PictureSettings()).pixels for path in paths])


@pytest.fixture(scope="module")
def pixels(photos: list[Path]) -> Pixels:
    return pixels_of(photos)


@pytest.fixture(scope="module")
def published(photos: list[Path], tensorflow: None, random_7: Weights) -> np.ndarray:
    """Read the published recipe independently: nothing here is the product's but the weights' numbers."""
    import keras

    model = keras.applications.VGG16(weights=None, include_top=False, pooling="max", input_shape=(224, 224, 3))
    model.set_weights(random_7.arrays)
    vectors = []
    for path in photos:
        image = keras.utils.img_to_array(keras.utils.load_img(path, target_size=(224, 224)))
        batch = keras.applications.vgg16.preprocess_input(np.expand_dims(image, axis=0))
        feature = np.asarray(model(batch, training=False))[0]
        vectors.append(feature / np.linalg.norm(feature))
    return np.stack(vectors)


@pytest.mark.parametrize("name", ["exact", "fast"])
def test_vectors_are_those_of_the_published_recipe(
    name: str, pixels: Pixels, published: np.ndarray, request: pytest.FixtureRequest
) -> None:
    network: Network = request.getfixturevalue(name)
    cosines = (network.embed(pixels) * published).sum(axis=1)
    assert cosines.min() > 0.9999


@pytest.fixture(scope="module")
def places(pixels: Pixels, tensorflow: None, random_7: Weights) -> np.ndarray:
    """Return float64[2, 49, 512]: what Keras' own network sees at each place of two photos."""
    import keras

    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    model.set_weights(random_7.arrays)
    maps = model(keras.applications.vgg16.preprocess_input(pixels[:2].astype(np.float32)))
    return np.asarray(maps).astype(float).reshape(2, -1, 512)


@pytest.mark.parametrize("name", ["exact", "fast"])
@pytest.mark.parametrize("pooling", ["max", "avg", "gem"])
def test_every_pooling_is_that_of_its_formula(
    name: str, pooling: Pooling, pixels: Pixels, places: np.ndarray, request: pytest.FixtureRequest
) -> None:
    network: Network = request.getfixturevalue(name)
    expected = {
        "max": places.max(axis=1),
        "avg": places.mean(axis=1),
        "gem": (places**3).mean(axis=1) ** (1 / 3),
    }[pooling]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert (network.embed(pixels[:2], pooling) * expected).sum(axis=1).min() > 0.9999
    assert (network.embed_each(pixels[:2])[pooling] * expected).sum(axis=1).min() > 0.9999


@pytest.mark.parametrize("pooling", ["max", "avg", "gem"])
def test_the_maps_before_the_last_pooling_explain_a_similarity(
    pooling: Pooling, fast: Network, pixels: Pixels
) -> None:
    vectors, maps = fast.embed_with_maps(pixels[:2], pooling)
    assert maps.shape == (2, 14, 14, 512)
    assert (vectors * fast.embed(pixels[:2], pooling)).sum(axis=1) == pytest.approx([1, 1], abs=1e-4)
    found = explain(vectors, maps, pooling, np.zeros(512, np.float32), fast.window)
    assert found.similarity == pytest.approx(float(vectors[0] @ vectors[1]))
    assert found.cells.sum(axis=(1, 2)) == pytest.approx([found.similarity] * 2, abs=1e-5)
    assert fast.traces == 1


def test_the_same_recipe_tells_photos_apart(published: np.ndarray) -> None:
    """Prove that the test above can fail: other photos are further away than its bound."""
    between = published @ published.T
    assert between[np.triu_indices(len(between), 1)].max() < 0.9999


def test_a_picture_has_the_same_vector_alone_and_among_others(fast: Network, pixels: Pixels) -> None:
    together = fast.embed(pixels)
    alone = np.concatenate([fast.embed(pixels[index : index + 1]) for index in range(len(pixels))])
    assert 1 - (together * alone).sum(axis=1).min() < 1e-4


def test_vectors_are_float32_of_length_one(fast: Network, pixels: Pixels) -> None:
    vectors = fast.embed(pixels)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(pixels), 512)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_pictures_give_no_vectors(fast: Network) -> None:
    assert fast.embed(np.empty((0, 224, 224, 3), np.uint8)).shape == (0, 512)


def test_more_pictures_than_a_pass_takes_keep_their_order(fast: Network, pixels: Pixels) -> None:
    many = np.concatenate([pixels[:3], pixels[:3]])
    vectors = fast.embed(many)
    np.testing.assert_allclose(vectors[:3], vectors[3:], atol=1e-3)


def test_the_graph_is_traced_once_whatever_the_batch(fast: Network, pixels: Pixels) -> None:
    for size in (1, 2, 4):
        fast.embed(pixels[:size])
    assert fast.traces == 1


def test_threads_may_call_at_once(fast: Network, pixels: Pixels) -> None:
    together, answers = Barrier(3), {}

    def call(index: int) -> None:
        together.wait()
        answers[index] = fast.embed(pixels[index : index + 1])[0]

    threads = [Thread(target=call, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = fast.embed(pixels[:3])
    for index in range(3):
        assert answers[index] @ expected[index] > 0.9999


def test_padding_to_fixed_sizes_changes_no_vector(random_7: Weights, exact: Network, pixels: Pixels) -> None:
    from imagesearch_extractor.network import Network

    padded = Network(random_7, dtype="float32", compute_batch=4, pad=True)
    np.testing.assert_allclose(padded.embed(pixels[:3]), exact.embed(pixels[:3]), atol=1e-5)


def test_half_precision_stays_in_range_where_activations_are_large(
    random_7: Weights, tensorflow: None, pixels: Pixels
) -> None:
    """A trained network's activations reach thousands; these reach 100,000, beyond float16's 65,504."""
    from imagesearch_extractor.network import Network

    louder = [array * 3 if index in (0, 2, 4, 6, 8) else array for index, array in enumerate(random_7.arrays)]
    weights = checked_weights(random_7.architecture, louder, "loud.h5")
    half = Network(weights, dtype="float16", compute_batch=2)
    single = Network(weights, dtype="float32", compute_batch=2)
    cosines = (half.embed(pixels[:2]) * single.embed(pixels[:2])).sum(axis=1)
    assert cosines.min() > 0.9999


def test_weights_that_see_nothing_give_zeros_and_are_refused_at_start(random_7: Weights, tensorflow: None) -> None:
    from imagesearch_extractor.network import Network

    dead = checked_weights(random_7.architecture, [np.zeros_like(array) for array in random_7.arrays], "dead.h5")
    network = Network(dead, dtype="float32", compute_batch=1)
    vectors = network.embed(np.full((1, 224, 224, 3), 9, np.uint8))
    assert not has_direction(vectors).any()
    assert np.isfinite(vectors).all()
    with pytest.raises(WeightsUnavailable, match=r"WEIGHTS=dead\.h5"):
        network.warm_up()


def test_the_policy_of_other_models_is_left_alone(fast: Network) -> None:
    import keras

    assert keras.config.dtype_policy().name == "float32"
