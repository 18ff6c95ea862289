"""Hold the weights of VGG16's convolutions, and the digest that names them.

Nothing here needs TensorFlow, so identities can be computed and checked anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from imagesearch.errors import WeightsUnavailable
from imagesearch.pipeline import model_identity

Array = npt.NDArray[np.float32]

CHANNELS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
"""Filters of the thirteen 3x3 convolutions, configuration D of https://arxiv.org/abs/1409.1556, table 1."""

RANDOM_PREFIX = "random:"
CHOICES = "set WEIGHTS to imagenet, to a file that Keras saved (.h5, .weights.h5, .keras), or to random:SEED"


def expected_shapes() -> list[tuple[int, ...]]:
    """Return the shapes of the 26 arrays: kernel (height, width, in, out), then bias, layer by layer."""
    shapes: list[tuple[int, ...]] = []
    for inputs, outputs in zip((3, *CHANNELS), CHANNELS, strict=False):
        shapes += [(3, 3, inputs, outputs), (outputs,)]
    return shapes


@dataclass(frozen=True, eq=False)
class Weights:
    """Hold checked weights.

    Attributes:
        arrays: 26 float32 arrays as `expected_shapes` says.
        setting: the ``WEIGHTS`` setting that they came from.
    """

    arrays: tuple[Array, ...]
    setting: str

    @property
    def untrained(self) -> bool:
        """Tell whether these are random numbers, good for tests and trials only."""
        return self.setting.startswith(RANDOM_PREFIX)

    @property
    def label(self) -> str:
        """Return the setting for people to see: of a path only the file's name."""
        return PurePath(self.setting).name

    @cached_property
    def sha256(self) -> str:
        """Return the digest over shapes and little-endian float32 bytes in layer order.

        Names and file formats do not enter, so the same network has the same digest however it was saved.
        """
        digest = hashlib.sha256()
        for array in self.arrays:
            digest.update(repr(tuple(int(side) for side in array.shape)).encode())
            digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return digest.hexdigest()

    @property
    def identity(self) -> str:
        """Return the identity of the network that these weights make."""
        return model_identity(self.sha256)


def checked_weights(arrays: Sequence[npt.NDArray[np.floating]], setting: str) -> Weights:
    """Return the weights when they are VGG16's in shape and all of them are numbers.

    Raises:
        WeightsUnavailable: they are not.
    """
    shapes = [tuple(array.shape) for array in arrays]
    if shapes != expected_shapes():
        raise WeightsUnavailable(
            f"WEIGHTS={setting} does not hold VGG16's 13 convolutions ({_difference(shapes)}); {CHOICES}"
        )
    made = tuple(np.ascontiguousarray(array, dtype=np.float32) for array in arrays)
    if not all(np.isfinite(array).all() for array in made):
        raise WeightsUnavailable(f"WEIGHTS={setting} holds NaN or infinite numbers; {CHOICES}")
    return Weights(made, setting)


def _difference(shapes: list[tuple[int, ...]]) -> str:
    for index, (found, wanted) in enumerate(zip(shapes, expected_shapes(), strict=False)):
        if found != wanted:
            return f"array {index + 1} has shape {found} instead of {wanted}"
    return f"{len(shapes)} arrays instead of {len(expected_shapes())}"


def random_weights(setting: str) -> Weights:
    """Make an untrained network from ``random:SEED``: He-normal kernels, zero biases.

    He's initialisation keeps the size of activations over the layers (https://arxiv.org/abs/1502.01852), so
    that similar pictures keep similar vectors. numpy draws the numbers: TensorFlow's generators give others
    from version to version, and these must be the same in every process.

    Raises:
        WeightsUnavailable: the seed is not a whole number from 0.
    """
    seed = setting.removeprefix(RANDOM_PREFIX)
    if not (seed.isascii() and seed.isdigit()):
        raise WeightsUnavailable(f"WEIGHTS={setting}: the seed must be a whole number from 0, as in random:7")
    generator = np.random.Generator(np.random.PCG64(int(seed)))
    arrays: list[Array] = []
    for shape in expected_shapes():
        if len(shape) == 1:
            arrays.append(np.zeros(shape, np.float32))
        else:
            deviation = np.float32(np.sqrt(2.0 / (shape[0] * shape[1] * shape[2])))
            arrays.append(generator.standard_normal(shape, dtype=np.float32) * deviation)
    return checked_weights(arrays, setting)
