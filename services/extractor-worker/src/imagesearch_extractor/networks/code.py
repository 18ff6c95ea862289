"""Find the code of a network by its name: that of each in `imagesearch_extractor.architectures`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from imagesearch_extractor.architectures import Architecture
from imagesearch_extractor.networks import resnet50, vgg16
from imagesearch_extractor.settings import ComputeDtype
from imagesearch_extractor.weights import Array


@dataclass(frozen=True, slots=True)
class NetworkCode:
    """Bundle what is done in each network's own way.

    Attributes:
        preprocess: Keras' own, from float32[n, side, side, 3] of RGB in 0..255.
        features: builds, from arrays as the architecture says, what turns preprocessed pictures into the last
            feature maps, [n, height, width, dimension] and not negative, computed in the number format.
        window: a layer behind these takes the largest of so many cells each way, and is left out of `features`,
            because it hides where in them something is; 1 where there is none.
    """

    preprocess: Callable[[Any], Any]
    features: Callable[[Architecture, Sequence[Array], ComputeDtype, float], Callable[[Any], Any]]
    window: int = 1


def use_keras_defaults() -> None:
    """Set what a keras.json in the home directory may say otherwise; float16 would change what a file holds."""
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")


CODE = {
    "vgg16": NetworkCode(vgg16.preprocess, vgg16.features, vgg16.WINDOW),
    "resnet50": NetworkCode(resnet50.preprocess, resnet50.features),
}
