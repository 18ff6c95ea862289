"""What is told of where in two pictures their similarity comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imagesearch.pictures.framing import Frame


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """Tell where in one picture a similarity comes from.

    Attributes:
        cells: float32[height, width] of the last feature map.
        frame: which part of the upright picture they cover.
        common: the inner product of its vector and the mean.
        overlay: a PNG of the warm cells, transparent elsewhere, of the proportions of the upright picture.
    """

    cells: npt.NDArray[np.float32]
    frame: Frame
    common: float
    overlay: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Tell where in two pictures their similarity comes from.

    Attributes:
        similarity: the cosine of their vectors; the cells of each sum to it less its `common`.
        mean_of: how many vectors of the collection the mean was taken of; 0 where nothing was taken away.
        sides: the two.
        picture: a PNG of both with the heat over them, where one was asked for.
    """

    similarity: float
    mean_of: int
    sides: tuple[Heat, Heat]
    picture: bytes | None
