"""Run quantised VGG16 by OpenVINO. Importing this module imports OpenVINO."""

from __future__ import annotations

from threading import Lock
from typing import Final

import numpy as np
import openvino

from imagesearch.contract import Pixels, Vectors
from imagesearch.errors import WeightsUnavailable
from imagesearch.pipeline import Pooling
from imagesearch_extractor.cpu import usable_cpus
from imagesearch_extractor.embedding import ComputeFailed, Embedder, FeatureMaps, has_direction, normalise
from imagesearch_extractor.quantised.graph import quantised_graph
from imagesearch_extractor.quantised.weights import SPEC, QuantisedWeights
from imagesearch_extractor.weights import Array

_ORDER: Final[tuple[Pooling, ...]] = ("max", "avg", "gem")
"""Of the graph's first output."""


class QuantisedNetwork(Embedder):
    """Hold one network and run it one forward pass at a time, on the CPU."""

    spec = SPEC
    untrained = False
    window = 2

    def __init__(self, weights: QuantisedWeights, *, compute_batch: int) -> None:
        self.identity = weights.identity
        self.weights = weights.label
        self._compute_batch = compute_batch
        self._lock = Lock()
        settings = {
            "INFERENCE_NUM_THREADS": usable_cpus(),
            "NUM_STREAMS": 1,
            # Of what is not in eight bits: the cubes of gem have no room in bfloat16.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = openvino.Core().compile_model(quantised_graph(weights.layers), "CPU", settings)
        self._request = compiled.create_infer_request()

    def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
        """Return one vector a picture; more than a compute batch of them take several passes."""
        pooled = _ORDER.index(pooling or "max")
        vectors = np.empty((len(pixels), self.spec.dimension), np.float32)
        for start in range(0, len(pixels), self._compute_batch):
            part = pixels[start : start + self._compute_batch]
            vectors[start : start + len(part)] = normalise(self._run(part)[0][pooled])
        return vectors

    def embed_each(self, pixels: Pixels) -> dict[Pooling, Vectors]:
        """Return what each pooling makes of at most a compute batch of pictures, from one pass.

        Raises:
            ComputeFailed: as in `embed`.
        """
        return {pooling: normalise(pooled) for pooling, pooled in zip(_ORDER, self._run(pixels)[0], strict=True)}

    def embed_with_maps(self, pixels: Pixels, pooling: Pooling | None = None) -> tuple[Vectors, FeatureMaps]:
        """Return one vector a picture and the maps that they were pooled from, from one pass."""
        pooled, maps = self._run(pixels)
        return normalise(pooled[_ORDER.index(pooling or "max")]), maps.transpose(0, 2, 3, 1)

    def warm_up(self) -> None:
        """Run the passes that are slow the first time, and check that vectors come out.

        Raises:
            WeightsUnavailable: the weights give no usable vector.
        """
        side = self.spec.side
        ramp = np.broadcast_to(np.arange(side).astype(np.uint8)[None, :, None], (side, side, 3))
        for size in sorted({1, self._compute_batch}):
            if not has_direction(self.embed(np.stack([ramp] * size))).all():
                raise WeightsUnavailable(f"WEIGHTS={self.weights} cannot be used (it gives no usable vector)")

    def _run(self, pixels: Pixels) -> tuple[Array, Array]:
        """Return copies of the two outputs that `quantised_graph` describes."""
        # One pass already uses every core.
        with self._lock:
            try:
                found = self._request.infer([pixels])
            except RuntimeError as error:
                raise ComputeFailed(f"forward pass: {str(error).splitlines()[0][:300]}") from error
            return np.array(found[0]), np.array(found[1])
