"""Build VGG16, as Keras' applications do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from imagesearch_extractor.architectures import Architecture
from imagesearch_extractor.networks.folding import scaled_biases
from imagesearch_extractor.settings import ComputeDtype
from imagesearch_extractor.weights import Array

WINDOW = 2
"""Of block5_pool, the last layer without the top."""


def preprocess(images: Any) -> Any:
    """Turn RGB into BGR and take away the mean of ImageNet."""
    return keras.applications.vgg16.preprocess_input(images)


def features(_: Architecture, arrays: Sequence[Array], dtype: ComputeDtype, scale: float) -> Callable[[Any], Any]:
    """Return Keras' network with these weights, but for the pooling at its end."""
    with _dtype_policy(dtype):
        # Pictures may have any size.
        model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(None, None, 3))
    model.trainable = False
    model.set_weights(scaled_biases(arrays, scale))
    convolutions = keras.Model(model.input, model.get_layer("block5_conv3").output)

    def forward(images: Any) -> Any:
        return convolutions(images, training=False)

    return forward


@contextmanager
def _dtype_policy(dtype: ComputeDtype) -> Iterator[None]:
    """Build layers whose variables and arithmetic are of `dtype`.

    Mixed policies, which keep float32 variables for training, cast all 15 million of them in every pass.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
