"""Build ResNet-50 as Keras' applications do (He et al. 2015, the stride in the first convolution of a block)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from imagesearch_extractor.architectures import RESNET50_STAGES, Architecture
from imagesearch_extractor.networks.folding import folded
from imagesearch_extractor.settings import ComputeDtype
from imagesearch_extractor.weights import Array


def preprocess(images: Any) -> Any:
    """Turn RGB into BGR and take away the mean of ImageNet."""
    return keras.applications.resnet50.preprocess_input(images)


def features(
    architecture: Architecture, arrays: Sequence[Array], dtype: ComputeDtype, scale: float
) -> Callable[[Any], Any]:
    """Return the same arithmetic with every normalisation folded into its convolution."""
    variables = {
        name: (
            tf.Variable(tf.cast(kernel, dtype), trainable=False),
            tf.Variable(tf.cast(bias * scale, dtype), trainable=False),
        )
        for name, (kernel, bias) in folded(architecture, arrays).items()
    }

    def convolve(images: Any, name: str, *, stride: int = 1, padding: str = "SAME") -> Any:
        kernel, bias = variables[f"{name}_conv"]
        return tf.nn.bias_add(tf.nn.conv2d(images, kernel, stride, padding), bias)

    def block(images: Any, name: str, *, is_first: bool, stride: int) -> Any:
        shortcut = convolve(images, f"{name}_0", stride=stride) if is_first else images
        inner = tf.nn.relu(convolve(images, f"{name}_1", stride=stride))
        inner = tf.nn.relu(convolve(inner, f"{name}_2"))
        return tf.nn.relu(shortcut + convolve(inner, f"{name}_3"))

    def forward(images: Any) -> Any:
        images = tf.nn.relu(convolve(_padded(images, 3), "conv1", stride=2, padding="VALID"))
        images = tf.nn.max_pool2d(_padded(images, 1), 3, 2, "VALID")
        for stage, (_, blocks) in enumerate(RESNET50_STAGES, start=2):
            for number in range(1, blocks + 1):
                stride = 2 if number == 1 and stage > 2 else 1
                images = block(images, f"conv{stage}_block{number}", is_first=number == 1, stride=stride)
        return images

    return forward


def _padded(images: Any, pixels: int) -> Any:
    return tf.pad(images, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]])
