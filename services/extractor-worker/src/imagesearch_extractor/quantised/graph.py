"""Build VGG16 for OpenVINO, from quantised weights or from those that are to be quantised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as op

from imagesearch_extractor.architectures import VGG16_BLOCKS
from imagesearch_extractor.quantised.weights import QuantisedLayer
from imagesearch_extractor.weights import Array

MEAN = np.array([123.68, 116.779, 103.939], np.float32)
"""Of ImageNet, red first: what Keras' `preprocess_input` takes away from each channel."""
LEVELS = 256
EACH_WAY = [1, 1]


def quantised_graph(layers: Sequence[QuantisedLayer]) -> openvino.Model:
    """Return the network of quantised weights.

    Its input is uint8[n, side, side, 3], RGB; its outputs are what max, avg and gem pooling make of the last
    feature map, float32[3, n, 512], and the map before the last pooling layer, float32[n, 512, height, width].
    """

    def convolve(inputs: Any, layer: QuantisedLayer, *, is_first: bool) -> Any:
        low, high = (op.constant(np.float32(bound)) for bound in layer.bounds)
        told_apart = op.fake_quantize(inputs, low, high, low, high, LEVELS)
        kernel = op.convert(op.constant(_outputs_first(layer.kernel, is_first=is_first)), "f32")
        scale = op.constant(layer.scale.reshape(-1, 1, 1, 1))
        return _biased(told_apart, op.multiply(kernel, scale), layer.bias)

    return _graph(list(layers), convolve)


def float_graph(arrays: Sequence[Array]) -> openvino.Model:
    """Return the same network of float32 kernels and biases, layer by layer, for a quantiser."""
    layers = list(zip(arrays[::2], arrays[1::2], strict=True))

    def convolve(inputs: Any, layer: tuple[Array, Array], *, is_first: bool) -> Any:
        return _biased(inputs, op.constant(_outputs_first(layer[0], is_first=is_first)), layer[1])

    return _graph(layers, convolve)


def _graph(layers: Sequence[Any], convolve: Any) -> openvino.Model:
    pixels = op.parameter([-1, -1, -1, 3], np.uint8, name="pixels")
    centred = op.subtract(op.convert(pixels, "f32"), op.constant(MEAN))
    maps: Any = op.transpose(centred, op.constant(np.array([0, 3, 1, 2])))
    last = maps
    remaining = iter(layers)
    for block, convolutions in enumerate(VGG16_BLOCKS):
        for number in range(convolutions):
            maps = op.relu(convolve(maps, next(remaining), is_first=block == number == 0))
        last, maps = maps, op.max_pool(maps, [2, 2], EACH_WAY, [0, 0], [0, 0], [2, 2]).output(0)
    return openvino.Model([op.result(_pooled(maps)), op.result(last)], [pixels], "vgg16")


def _pooled(maps: Any) -> Any:
    everywhere, third = op.constant(np.array([2, 3])), op.constant(np.float32(1 / 3))
    gem = op.power(op.reduce_mean(op.power(maps, op.constant(np.float32(3))), everywhere), third)
    pooled = (op.reduce_max(maps, everywhere), op.reduce_mean(maps, everywhere), gem)
    return op.concat([op.unsqueeze(each, op.constant(0)) for each in pooled], 0)


def _biased(inputs: Any, kernel: Any, bias: Array) -> Any:
    convolved = op.convolution(inputs, kernel, [1, 1], EACH_WAY, EACH_WAY, [1, 1])
    return op.add(convolved, op.constant(bias.reshape(1, -1, 1, 1)))


def _outputs_first(kernel: Any, *, is_first: bool) -> Any:
    """Return a kernel as OpenVINO takes it; Keras' first one expects blue first."""
    turned = kernel[:, :, ::-1] if is_first else kernel
    return np.ascontiguousarray(turned.transpose(3, 2, 0, 1))
