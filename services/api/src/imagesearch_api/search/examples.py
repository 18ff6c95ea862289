"""Make one vector of examples: pictures that are like what is looked for, and pictures that are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imagesearch.contract import Vectors
from imagesearch_api.errors import ExamplesRejected
from imagesearch_api.limits import NEGATIVE_SHARE

MIN_LENGTH = 0.01
"""A shorter difference of two directions is noise: one picture in bfloat16 and in float32 gave 0.006."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Say how the vectors of examples become the one that is searched by.

    It is the direction of the mean of the positive ones less a share of that of the negative ones, each mean
    weighted and of length 1: the rule of Rocchio, whose usual coefficients, 0.75 and 0.15, are the share of 0.2
    (Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, section 9.1.1).

    Attributes:
        positive: how many of the vectors are of positive examples; those stand first.
        weights: of each vector within its mean.
        negative_share: 0 takes nothing away.
    """

    positive: int
    weights: tuple[float, ...]
    negative_share: float = NEGATIVE_SHARE

    def vector(self, vectors: Vectors) -> Vectors:
        """Return float32[1, dimension] of length 1 for the examples' float32[n, dimension].

        Raises:
            ExamplesRejected: they cancel each other out.
        """
        split = self.positive
        found = _mean(vectors[:split], self.weights[:split], "positive")
        if len(vectors) > split:
            away = self.negative_share * _mean(vectors[split:], self.weights[split:], "negative")
            rule = "nothing of the positive examples is left; take a smaller negative_share, or other ones"
            found = _unit(found - away, "negative", rule)
        return found.astype(np.float32)[None]


def _mean(vectors: Vectors, weights: tuple[float, ...], side: str) -> npt.NDArray[np.float64]:
    shares = np.array(weights) / sum(weights)
    return _unit(shares @ vectors.astype(np.float64), side, "the examples cancel each other out")


def _unit(raw: npt.NDArray[np.float64], side: str, rule: str) -> npt.NDArray[np.float64]:
    length = float(np.linalg.norm(raw))
    if length < MIN_LENGTH:
        raise ExamplesRejected(side, rule)
    direction: npt.NDArray[np.float64] = raw / length
    return direction
