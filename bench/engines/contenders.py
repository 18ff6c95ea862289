"""Build other engines' forward passes of the same weights, each as fast as its engine offers on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
import openvino
import tensorflow as tf

from bench.engines.onnx_vgg16 import float_model, quantised_model
from imagesearch.contract import Pixels
from imagesearch_extractor.cpu import computes_in_bfloat16, usable_cpus
from imagesearch_extractor.quantised.graph import float_graph, quantised_graph
from imagesearch_extractor.quantised.weights import QuantisedLayer
from imagesearch_extractor.weights import Array

Pass = Callable[[Pixels], npt.NDArray[np.float32]]
"""From uint8[n, side, side, 3] to what max pooling makes of the last maps, float32[n, 512]."""
HALF: Final = computes_in_bfloat16()


def of_float(arrays: Sequence[Array]) -> dict[str, Pass]:
    """Return passes of float32 weights, by engine and number format."""
    formats = ("bf16", "f32") if HALF else ("f32",)
    return {
        f"TensorFlow {'bfloat16' if HALF else 'float32'}": _keras(arrays),
        "ONNX Runtime float32": _onnx(float_model(arrays)),
        **{f"OpenVINO {name}": _openvino(float_graph(arrays), name) for name in formats},
    }


def of_quantised(layers: Sequence[QuantisedLayer]) -> dict[str, Pass]:
    """Return passes of quantised weights, by engine."""
    return {
        "ONNX Runtime int8": _onnx(quantised_model(layers)),
        "OpenVINO int8, two streams": _streams(quantised_graph(layers)),
    }


def _keras(arrays: Sequence[Array]) -> Pass:
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if HALF else "float32")
    try:
        model = keras.applications.VGG16(weights=None, include_top=False, pooling="max")
    finally:
        keras.config.set_dtype_policy(policy)
    model.set_weights(list(arrays))
    model.trainable = False

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])  # type: ignore[untyped-decorator]
    def forward(pixels: Any) -> Any:
        images = keras.applications.vgg16.preprocess_input(tf.cast(pixels, tf.float32))
        return tf.cast(model(images, training=False), tf.float32)

    def run(pixels: Pixels) -> npt.NDArray[np.float32]:
        return np.asarray(forward(tf.constant(pixels)))

    return run


def _onnx(model: bytes) -> Pass:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cpus()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(pixels: Pixels) -> npt.NDArray[np.float32]:
        return np.asarray(session.run(None, {"pixels": pixels})[0])

    return run


def _openvino(graph: openvino.Model, precision: str) -> Pass:
    settings = {
        "INFERENCE_NUM_THREADS": usable_cpus(),
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": precision,
    }
    request = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()

    def run(pixels: Pixels) -> npt.NDArray[np.float32]:
        return np.array(request.infer([pixels])[0][0])

    return run


def _streams(graph: openvino.Model) -> Pass:
    """Return a pass whose pictures are shared out to two streams, each with half of the threads."""
    settings = {"INFERENCE_NUM_THREADS": usable_cpus(), "NUM_STREAMS": 2, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(graph, "CPU", settings)
    requests = [compiled.create_infer_request() for _ in range(2)]

    def run(pixels: Pixels) -> npt.NDArray[np.float32]:
        parts = [part for part in np.array_split(pixels, len(requests)) if len(part)]
        for request, part in zip(requests, parts, strict=False):
            request.start_async([part])
        for request in requests[: len(parts)]:
            request.wait()
        found = [np.array(request.get_output_tensor(0).data[0]) for request in requests[: len(parts)]]
        return np.concatenate(found)

    return run
