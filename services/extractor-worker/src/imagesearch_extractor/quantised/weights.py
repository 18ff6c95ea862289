"""Hold the quantised weights of a network, and the digest that names them.

A convolution multiplies whole numbers of eight bits. What goes into it is one of 256 steps between two bounds,
which pictures were looked at for; each output channel has its own step for the kernel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Final

import numpy as np
import numpy.typing as npt

from imagesearch.errors import WeightsUnavailable
from imagesearch.networks import VGG16_INT8, NetworkSpec
from imagesearch.pipeline import model_identity
from imagesearch_extractor.architectures import ARCHITECTURES, Architecture, Layer
from imagesearch_extractor.weights import Array

ARCHITECTURE: Final[Architecture] = ARCHITECTURES["vgg16"]
SPEC: Final[NetworkSpec] = VGG16_INT8


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedLayer:
    """Hold a convolution.

    Attributes:
        kernel: int8[height, width, inputs, outputs].
        scale: float32[outputs]: what a one in the kernel is worth.
        bias: float32[outputs].
        bounds: float32[2]: the lowest and the highest input that is told apart; what lies outside counts as these.
    """

    kernel: npt.NDArray[np.int8]
    scale: Array
    bias: Array
    bounds: Array

    @property
    def arrays(self) -> tuple[npt.NDArray[np.int8] | Array, ...]:
        """Return its arrays in the order of `NAMES`."""
        return self.kernel, self.scale, self.bias, self.bounds


NAMES: Final = ("kernel", "scale", "bias", "bounds")


@dataclass(frozen=True, slots=True)
class Origin:
    """Say where quantised weights come from.

    Attributes:
        source: digest of the weights that they were made of, as `Weights.sha256` gives it.
        calibration: digest over the pictures that the bounds were looked for in.
        pictures: how many these were.
        cosine_mean: between the vectors of other pictures and those of the weights that they were made of.
        cosine_least: likewise.
        tools: what made them, with versions.
    """

    source: str
    calibration: str
    pictures: int
    cosine_mean: float
    cosine_least: float
    tools: str


@dataclass(frozen=True, eq=False)
class QuantisedWeights:
    """Hold checked weights.

    Attributes:
        layers: in the order of the architecture.
        origin: what the file says of them.
        setting: the ``WEIGHTS`` setting that they came from.
    """

    layers: tuple[QuantisedLayer, ...]
    origin: Origin
    setting: str

    @property
    def label(self) -> str:
        """Return the setting for people to see: of a path only the file's name."""
        return PurePath(self.setting).name

    @cached_property
    def sha256(self) -> str:
        """Return the digest over shapes and little-endian bytes in layer order; the origin does not enter."""
        digest = hashlib.sha256()
        for layer in self.layers:
            for array in layer.arrays:
                digest.update(repr(tuple(int(side) for side in array.shape)).encode())
                digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()

    @property
    def identity(self) -> str:
        """Return the identity of the network that these weights make."""
        return model_identity(self.sha256, SPEC)


def checked_layers(setting: str, arrays: Sequence[npt.NDArray[np.generic]]) -> tuple[QuantisedLayer, ...]:
    """Return layers from their arrays, layer by layer in the order of `NAMES`, when they are the architecture's.

    Raises:
        WeightsUnavailable: they are not, or cannot be computed with.
    """
    expected = len(ARCHITECTURE.layers) * len(NAMES)
    if len(arrays) != expected:
        raise _wrong(setting, f"{len(arrays)} arrays instead of {expected}")
    groups = [arrays[start : start + len(NAMES)] for start in range(0, expected, len(NAMES))]
    return tuple(_checked(setting, *pair) for pair in zip(ARCHITECTURE.layers, groups, strict=True))


def _checked(setting: str, layer: Layer, arrays: Sequence[npt.NDArray[np.generic]]) -> QuantisedLayer:
    shapes = (layer.kernel, (layer.channels,), (layer.channels,), (2,))
    kinds = (np.int8, np.float32, np.float32, np.float32)
    for name, array, shape, kind in zip(NAMES, arrays, shapes, kinds, strict=True):
        if array.shape != shape or array.dtype != kind:
            raise _wrong(setting, f"{name} of {layer.name} is {array.dtype}{list(array.shape)}")
        if kind is np.float32 and not np.isfinite(array.astype(np.float32)).all():
            raise _wrong(setting, f"{name} of {layer.name} holds NaN or infinite numbers")
    kernel, scale, bias, bounds = arrays
    made = QuantisedLayer(
        kernel.astype(np.int8), scale.astype(np.float32), bias.astype(np.float32), bounds.astype(np.float32)
    )
    if not (made.scale > 0).all() or not made.bounds[0] < made.bounds[1]:
        raise _wrong(setting, f"the steps of {layer.name} are none")
    return made


def _wrong(setting: str, reason: str) -> WeightsUnavailable:
    return WeightsUnavailable(
        f"WEIGHTS={setting} does not hold {ARCHITECTURE.title}'s quantised {ARCHITECTURE.parts} ({reason}); "
        "make it anew with `make quantise`"
    )
