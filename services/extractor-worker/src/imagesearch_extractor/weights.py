"""Hold the weights of a network, and the digest that names them.

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
from imagesearch_extractor.architectures import ARCHITECTURES, Architecture, Shape

Array = npt.NDArray[np.float32]

PUBLISHED = "imagenet"
RANDOM_PREFIX = "random:"
CHOICES = "set WEIGHTS to imagenet, to a file that Keras saved (.h5, .weights.h5, .keras), or to random:SEED"


@dataclass(frozen=True, eq=False)
class Weights:
    """Hold checked weights.

    Attributes:
        architecture: whose weights they are.
        arrays: float32 arrays of the shapes that it says.
        setting: the ``WEIGHTS`` setting that they came from.
    """

    architecture: Architecture
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
        return model_identity(self.sha256, self.architecture.spec)


def checked_weights(
    architecture: Architecture, arrays: Sequence[npt.NDArray[np.floating]], setting: str
) -> Weights:
    """Return the weights when they are the architecture's in shape and all of them are numbers.

    Raises:
        WeightsUnavailable: they are not.
    """
    shapes = [tuple(array.shape) for array in arrays]
    if shapes != architecture.shapes:
        raise WeightsUnavailable(
            f"WEIGHTS={setting} does not hold {architecture.title}'s {architecture.parts} "
            f"({_difference(shapes, architecture.shapes)}); {CHOICES}"
        )
    made = tuple(np.ascontiguousarray(array, dtype=np.float32) for array in arrays)
    if not all(np.isfinite(array).all() for array in made):
        raise WeightsUnavailable(f"WEIGHTS={setting} holds NaN or infinite numbers; {CHOICES}")
    return Weights(architecture, made, setting)


def _difference(shapes: Sequence[Shape], expected: Sequence[Shape]) -> str:
    for index, (found, wanted) in enumerate(zip(shapes, expected, strict=False)):
        if found != wanted:
            return f"array {index + 1} has shape {found} instead of {wanted}"
    return f"{len(shapes)} arrays instead of {len(expected)}"


def random_weights(setting: str, architecture: Architecture = ARCHITECTURES["vgg16"]) -> Weights:
    """Make an untrained network from ``random:SEED``: He-normal kernels, zero biases, norms that change nothing.

    He's initialisation keeps the size of activations over the layers (https://arxiv.org/abs/1502.01852), so
    that similar pictures keep similar vectors. numpy draws the numbers: TensorFlow's generators give others
    from version to version, and these must be the same in every process. The last norm of a residual block halves
    what the block adds, so that the sums of sixteen blocks stay in range.

    Raises:
        WeightsUnavailable: the seed is not a whole number from 0.
    """
    seed = setting.removeprefix(RANDOM_PREFIX)
    if not (seed.isascii() and seed.isdigit()):
        raise WeightsUnavailable(f"WEIGHTS={setting}: the seed must be a whole number from 0, as in random:7")
    generator = np.random.Generator(np.random.PCG64(int(seed)))
    arrays: list[Array] = []
    for layer in architecture.layers:
        zeros, ones = np.zeros(layer.channels, np.float32), np.ones(layer.channels, np.float32)
        if layer.kernel is None:
            arrays += [ones * np.float32(0.5 if layer.ends_block else 1.0), zeros, zeros, ones]
        else:
            height, width, inputs, _ = layer.kernel
            deviation = np.float32(np.sqrt(2.0 / (height * width * inputs)))
            arrays += [generator.standard_normal(layer.kernel, dtype=np.float32) * deviation, zeros]
    return checked_weights(architecture, arrays, setting)
