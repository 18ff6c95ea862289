"""Run a network: pixels in, L2-normalised vectors out. Importing this module imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
import tensorflow as tf

from imagesearch.contract import Pixels, Vectors
from imagesearch.errors import WeightsUnavailable
from imagesearch.pipeline import Pooling
from imagesearch_extractor.cpu import computes_in_bfloat16
from imagesearch_extractor.embedding import ComputeFailed, Embedder, FeatureMaps, has_direction, normalise
from imagesearch_extractor.networks.code import CODE, use_keras_defaults
from imagesearch_extractor.settings import ComputeDtype
from imagesearch_extractor.weights import Array, Weights

_INPUT_SCALE: dict[ComputeDtype, float] = {"float32": 1.0, "bfloat16": 1.0, "float16": 2.0**-6}
"""Factor on the input and the biases. A network of convolutions, ReLU, sums and pooling answers with the same
factor, which the L2 norm removes; it keeps activations, thousands in trained networks, clear of float16's
end at 65,504. A power of two loses no digit."""


_POOLING: dict[Pooling, Callable[[Any], Any]] = {
    "max": lambda maps: tf.reduce_max(maps, axis=(1, 2)),
    "avg": lambda maps: tf.reduce_mean(maps, axis=(1, 2)),
    "gem": lambda maps: tf.reduce_mean(maps**3, axis=(1, 2)) ** (1 / 3),
}
"""From feature maps float32[n, height, width, dimension], which are not negative, to one vector a picture."""
_ORDER: list[str] = list(_POOLING)


def use_gpus() -> bool:
    """Let TensorFlow take GPU memory as it needs it, and tell whether there is a GPU."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return bool(gpus)


def fastest_dtype(on_gpu: bool) -> ComputeDtype:
    """Return the number format in which this machine convolves fastest.

    On two cores with avx512_bf16 bfloat16 gave 30 pictures a second and float32 gave 16; its vectors are within
    a cosine of 0.9999 of float32's.
    """
    if on_gpu:
        return "float16"
    return "bfloat16" if computes_in_bfloat16() else "float32"


class Network(Embedder):
    """Hold one network and run it one forward pass at a time.

    The graph is traced once for any number of pictures of any size. On a GPU batches are padded to powers of
    two, because cuDNN searches anew for the fastest kernels at each new size.
    """

    def __init__(self, weights: Weights, *, dtype: ComputeDtype, compute_batch: int, pad: bool = False) -> None:
        self.identity = weights.identity
        self.weights = weights.label
        self.untrained = weights.untrained
        self.dtype = dtype
        self._compute_batch = compute_batch
        self._pad = pad
        self._lock = Lock()
        use_keras_defaults()
        architecture, scale = weights.architecture, _INPUT_SCALE[dtype]
        self.spec = architecture.spec
        code = CODE[self.spec.name]
        window = self.window = code.window
        features = code.features(architecture, weights.arrays, dtype, scale)

        def forward(pixels: Any) -> Any:
            images = code.preprocess(tf.cast(pixels, tf.float32))
            maps = features(tf.cast(images * scale, dtype))
            last = tf.cast(maps if window == 1 else tf.nn.max_pool2d(maps, window, window, "VALID"), tf.float32)
            # All of them cost less than tracing a graph for each would.
            return tf.stack([pool(last) for pool in _POOLING.values()]), maps

        signature = tf.TensorSpec((None, None, None, 3), tf.uint8)
        self._forward = tf.function(forward, input_signature=[signature])

    def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
        """Return one vector a picture; more than a compute batch of them take several passes."""
        pooled = _ORDER.index(pooling or self.spec.pooling)
        vectors = np.empty((len(pixels), self.spec.dimension), np.float32)
        for start in range(0, len(pixels), self._compute_batch):
            part = pixels[start : start + self._compute_batch]
            features = self._run(self._padded(part))[0][pooled]
            vectors[start : start + len(part)] = normalise(features[: len(part)])
        return vectors

    def embed_each(self, pixels: Pixels) -> dict[Pooling, Vectors]:
        """Return what each pooling makes of at most a compute batch of pictures, from one pass.

        Raises:
            ComputeFailed: as in `embed`.
        """
        features = self._run(self._padded(pixels))[0][:, : len(pixels)]
        return {pooling: normalise(pooled) for pooling, pooled in zip(_POOLING, features, strict=True)}

    def embed_with_maps(self, pixels: Pixels, pooling: Pooling | None = None) -> tuple[Vectors, FeatureMaps]:
        """Return one vector a picture and the maps that they were pooled from, from one pass."""
        features, maps = self._run(self._padded(pixels))
        pooled = features[_ORDER.index(pooling or self.spec.pooling)]
        return normalise(pooled[: len(pixels)]), np.asarray(tf.cast(maps, tf.float32))[: len(pixels)]

    def _run(self, pixels: Pixels) -> tuple[Array, Any]:
        """Return what each pooling makes of the pictures, float32[poolings, n, dimension], and the feature maps.

        The maps stay on the device, to be copied by who needs them.
        """
        # One pass already uses every core; two at once would only need twice the memory.
        with self._lock:
            try:
                pooled, maps = self._forward(tf.constant(pixels))
                return np.asarray(pooled), maps
            except tf.errors.OpError as error:
                raise ComputeFailed(f"forward pass: {type(error).__name__}") from error

    def warm_up(self) -> None:
        """Run the passes that are slow the first time, and check that vectors come out.

        Raises:
            WeightsUnavailable: the weights give no usable vector in this number format.
        """
        side = self.spec.side
        ramp = np.arange(side).astype(np.uint8)
        picture = np.broadcast_to(ramp[None, :, None], (side, side, 3))
        sizes = {1, self._compute_batch}
        for size in sorted(sizes):
            vectors = self.embed(np.stack([picture] * size))
            if not has_direction(vectors).all():
                raise WeightsUnavailable(
                    f"WEIGHTS={self.weights} give no usable vector in {self.dtype}; set WEIGHTS to other weights, "
                    "or COMPUTE_DTYPE to float32"
                )

    @property
    def traces(self) -> int:
        """Return how often the graph was traced; more than once means that each new size costs seconds."""
        return int(self._forward.experimental_get_tracing_count())

    def _padded(self, pixels: Pixels) -> Pixels:
        if not self._pad:
            return pixels
        size = min(1 << (len(pixels) - 1).bit_length(), self._compute_batch)
        return np.concatenate([pixels, np.zeros((size - len(pixels), *pixels.shape[1:]), np.uint8)])
