"""Turn pixels into vectors by a network that lies in a file, as its description says."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np

from imagesearch.contract import Pixels, Vectors
from imagesearch.errors import WeightsUnavailable
from imagesearch.networks import UNPOOLED
from imagesearch.pipeline import Pooling, model_identity
from imagesearch_extractor.confined import clean_confined
from imagesearch_extractor.descriptions import Description, read_description
from imagesearch_extractor.embedding import (
    ComputeFailed,
    Embedder,
    FeatureMaps,
    NoFeatureMaps,
    has_direction,
    normalise,
)
from imagesearch_extractor.models import Images, Model, ModelFailed, ModelRejected
from imagesearch_extractor.weight_files import DigestDiffers, checked_digest

MAX_FILE_BYTES: Final = 2 << 30
"""What one message of ONNX holds at most."""

_POOLING: Final[dict[str, Callable[[Images], Images]]] = {
    "max": lambda maps: maps.max(axis=(1, 2)),
    "avg": lambda maps: maps.mean(axis=(1, 2)),
    # Maps of these networks may be negative, where the root has no value.
    "gem": lambda maps: np.cbrt((np.maximum(maps, 0) ** 3).mean(axis=(1, 2))),
}
"""From float32[n, height, width, dimension] to one vector a picture."""


class FileNetwork(Embedder):
    """Hold a network that somebody described, and run it one pass at a time.

    Attributes:
        sha256: digest of its file.
    """

    def __init__(
        self, model: Model, description: Description, *, sha256: str, label: str, compute_batch: int
    ) -> None:
        self.spec = description.spec
        self.identity = model_identity(description.digest(sha256), self.spec)
        self.weights = label
        self.sha256 = sha256
        self.untrained = False
        self._model = model
        self._layout = description.layout or model.layout
        self._batch = model.batch or compute_batch
        self._lock = Lock()
        channels, mean, deviation = description.arithmetic
        self._order = slice(None, None, -1 if channels == "bgr" else 1)
        self._mean, self._deviation = np.asarray(mean, np.float32), np.asarray(deviation, np.float32)

    def embed(self, pixels: Pixels, pooling: Pooling | None = None) -> Vectors:
        """Return one vector a picture; more than a pass takes have several."""
        try:
            return self._embed(pixels, pooling)
        except (ModelFailed, ModelRejected) as error:
            raise ComputeFailed(f"forward pass: {error}") from error

    def embed_with_maps(self, pixels: Pixels, pooling: Pooling | None = None) -> tuple[Vectors, FeatureMaps]:
        """Return one vector a picture and the maps that they were pooled from, as the port says.

        Raises:
            NoFeatureMaps: its output is a vector, or some of what a vector is made of is negative.
        """
        if self.spec.pooling == UNPOOLED:
            raise NoFeatureMaps
        passes = [pixels[start : start + self._batch] for start in range(0, len(pixels), self._batch)]
        try:
            maps = np.concatenate([self._maps(self._run(part))[: len(part)] for part in passes])
        except (ModelFailed, ModelRejected) as error:
            raise ComputeFailed(f"forward pass: {error}") from error
        pooled = pooling or self.spec.pooling
        if pooled == "gem":
            maps = np.maximum(maps, 0)
        if maps.min() < 0:
            # What a cell takes away from a mean has no share in it.
            raise NoFeatureMaps
        return normalise(_POOLING[pooled](maps)), maps

    def warm_up(self) -> None:
        """Run the passes that are slow the first time, and check what comes out.

        Raises:
            WeightsUnavailable: the network cannot be run, gives other shapes than described, or no usable vector.
        """
        side = self.spec.side
        ramp = np.broadcast_to(np.arange(side).astype(np.uint8)[None, :, None], (side, side, 3))
        for size in sorted({1, self._batch}):
            try:
                vectors = self._embed(np.stack([ramp] * size), None)
            except (ModelFailed, ModelRejected) as error:
                raise WeightsUnavailable(f"WEIGHTS={self.weights} cannot be used ({error})") from error
            if not has_direction(vectors).all():
                raise WeightsUnavailable(f"WEIGHTS={self.weights} cannot be used (it gives no usable vector)")

    def _embed(self, pixels: Pixels, pooling: Pooling | None) -> Vectors:
        vectors = np.empty((len(pixels), self.spec.dimension), np.float32)
        for start in range(0, len(pixels), self._batch):
            part = pixels[start : start + self._batch]
            vectors[start : start + len(part)] = normalise(self._features(part, pooling))
        return vectors

    def _features(self, pixels: Pixels, pooling: Pooling | None) -> Images:
        """Return the features of one pass, float32[n, dimension]."""
        found = self._run(pixels)
        if self.spec.pooling != UNPOOLED:
            return _POOLING[pooling or self.spec.pooling](self._maps(found))[: len(pixels)]
        dimension = self.spec.dimension
        if found[0].size == dimension == max(found.shape[1:], default=0):
            return found.reshape(-1, dimension)[: len(pixels)]
        raise self._misshapen(found, f"[{len(found)}, {dimension}]")

    def _maps(self, found: Images) -> Images:
        """Return an output as feature maps, float32[n, height, width, dimension].

        Raises:
            ModelRejected: it has another shape than described.
        """
        maps = found.transpose(0, 2, 3, 1) if found.ndim == 4 and self._layout == "channels_first" else found
        if maps.ndim != 4 or maps.shape[3] != self.spec.dimension:
            raise self._misshapen(found, f"feature maps of {self.spec.dimension} channels ({self._layout})")
        return maps

    def _run(self, pixels: Pixels) -> Images:
        """Return the output of one pass, with a row for each picture and for each that fills the pass up.

        Raises:
            ModelRejected: it has not.
        """
        images = (pixels[..., self._order].astype(np.float32) - self._mean) / self._deviation
        if self._model.batch is not None:
            rest = np.zeros((self._model.batch - len(images), *images.shape[1:]), np.float32)
            images = np.concatenate([images, rest])
        if self._layout == "channels_first":
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        # One pass already uses every core.
        with self._lock:
            found = self._model.run(images)
        if found.shape[:1] != (len(images),):
            raise self._misshapen(found, f"[{len(images)}, ...]")
        return found

    def _misshapen(self, found: Images, wanted: str) -> ModelRejected:
        return ModelRejected(
            f"its output has the shape {list(found.shape)}, not {wanted}; see dimension, output and pooling "
            "of its description"
        )


def open_network(path: Path, *, sha256: str, compute_batch: int) -> FileNetwork:
    """Open the network that lies in a file, with its description beside it. No code of a file is run.

    Args:
        path: of an ONNX file, or of a whole model that Keras saved as ``.keras``.
        sha256: what the file's digest has to be, 64 hex digits; empty looks at none.
        compute_batch: pictures in one pass.

    Raises:
        WeightsUnavailable: it cannot be used; the message is one line.
    """
    description = read_description(path)
    try:
        model, digest = (_onnx if path.suffix == ".onnx" else _keras)(path, description, sha256)
    except (ModelRejected, DigestDiffers, OSError) as error:
        raise WeightsUnavailable(f"WEIGHTS={path} cannot be used ({error})") from error
    return FileNetwork(model, description, sha256=digest, label=path.name, compute_batch=compute_batch)


def _onnx(path: Path, description: Description, sha256: str) -> tuple[Model, str]:
    try:
        from imagesearch_extractor.onnx_files import OnnxModel  # noqa: PLC0415 - an extra of the worker
    except ModuleNotFoundError as error:
        raise ModelRejected("ONNX Runtime is not installed: imagesearch-extractor[onnx]") from error
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ModelRejected(f"it is longer than {MAX_FILE_BYTES} bytes")
    content = path.read_bytes()
    # What was judged is run: another file of the same name may come in between.
    digest = checked_digest(io.BytesIO(content), sha256)
    return OnnxModel(content, description), digest


def _keras(path: Path, description: Description, sha256: str) -> tuple[Model, str]:
    with clean_confined(path, sha256) as (clean, digest):
        from imagesearch_extractor.keras_files import KerasModel  # noqa: PLC0415 - TensorFlow needs its threads set

        return KerasModel(clean, description), digest
