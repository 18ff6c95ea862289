"""Write VGG16 as an ONNX model: with its float32 kernels, or with those in 8 bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from imagesearch_extractor.architectures import VGG16_BLOCKS, VGG16_CHANNELS
from imagesearch_extractor.quantised.graph import MEAN
from imagesearch_extractor.quantised.weights import QuantisedLayer
from imagesearch_extractor.weights import Array

OPSET: Final = 17
IR_VERSION: Final = 9
Convolve = Callable[[str, int], str]
"""Takes the name of what goes into a layer and the layer's number; returns the name of what comes out."""
LEVELS: Final = 255
"""Steps between the lowest and the highest of 256 numbers."""


def float_model(arrays: Sequence[Array]) -> bytes:
    """Return the network of float32 kernels and biases: uint8[n, side, side, 3] to float32[n, 512]."""
    made = _Writer()
    convolutions = [(kernel, bias) for kernel, bias in zip(arrays[::2], arrays[1::2], strict=True)]

    def convolve(inputs: str, at: int) -> str:
        kernel, bias = convolutions[at]
        return made.convolution(inputs, made.constant(outputs_first(kernel, at)), made.constant(bias))

    return made.network(convolve, lambda inputs, _: inputs)


def quantised_model(layers: Sequence[QuantisedLayer]) -> bytes:
    """Return the network of quantised weights in the form that ONNX Runtime multiplies in 8 bits.

    What goes into a convolution is rounded to the same 256 steps; where zero is none of these, they are moved by
    less than one step. ONNX Runtime takes whole numbers through a pooling when they are rounded before it as well.
    """
    made = _Writer()

    def rounded(inputs: str, at: int) -> str:
        if at == len(layers):
            return inputs
        scale, zero = _steps(layers[at])
        names = made.constant(scale), made.constant(zero)
        return made.node("DequantizeLinear", [made.node("QuantizeLinear", [inputs, *names]), *names])

    def convolve(inputs: str, at: int) -> str:
        layer = layers[at]
        scale = _steps(layer)[0] * layer.scale
        kernel = made.constant(outputs_first(layer.kernel, at))
        bias = made.constant(np.rint(layer.bias / scale).astype(np.int32))
        return made.convolution(
            rounded(inputs, at) if at == 0 else inputs,
            made.node("DequantizeLinear", [kernel, made.constant(layer.scale)], axis=0),
            made.node("DequantizeLinear", [bias, made.constant(scale.astype(np.float32))], axis=0),
        )

    return made.network(convolve, rounded)


def outputs_first(kernel: npt.NDArray[np.generic], at: int) -> npt.NDArray[np.generic]:
    """Return a kernel as ONNX takes it; Keras' first one expects blue first."""
    turned = kernel[:, :, ::-1] if at == 0 else kernel
    return np.ascontiguousarray(turned.transpose(3, 2, 0, 1))


def _steps(layer: QuantisedLayer) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    low, high = map(float, layer.bounds)
    scale = (high - low) / LEVELS
    return np.array(scale, np.float32), np.array(round(-low / scale), np.uint8)


class _Writer:
    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: npt.NDArray[np.generic]) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        name = f"{kind}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def convolution(self, inputs: str, kernel: str, bias: str) -> str:
        made = self.node("Conv", [inputs, kernel, bias], pads=[1] * 4, kernel_shape=[3, 3])
        return self.node("Relu", [made])

    def network(self, convolve: Convolve, rounded: Convolve) -> bytes:
        """Return the model; what leaves a layer, and what leaves a pooling, is rounded for the layer behind it."""
        at = 0
        maps = self.node("Cast", ["pixels"], to=TensorProto.FLOAT)
        maps = self.node("Transpose", [self.node("Sub", [maps, self.constant(MEAN)])], perm=[0, 3, 1, 2])
        for convolutions in VGG16_BLOCKS:
            for _ in range(convolutions):
                maps, at = convolve(maps, at), at + 1
                maps = rounded(maps, at)
            maps = rounded(self.node("MaxPool", [maps], kernel_shape=[2, 2], strides=[2, 2]), at)
        pooled = self.node("ReduceMax", [maps], axes=[2, 3], keepdims=0)
        graph = helper.make_graph(
            self._nodes,
            "vgg16",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", None, None, 3])],
            [helper.make_tensor_value_info(pooled, TensorProto.FLOAT, ["n", VGG16_CHANNELS[-1]])],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        return bytes(model.SerializeToString())
