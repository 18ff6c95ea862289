"""What is asked: pictures or vectors to search by and the shape of the answer, or two pictures to compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from imagesearch.pictures.regions import Region
from imagesearch.vectors import Filter
from imagesearch_api.search.examples import Examples

Include = Literal["metadata", "size", "thumbnail", "vector"]
Explain = Literal["regions", "picture"]
ExplainOrPlan = Literal["regions", "picture", "plan"]
"""What is told of where a similarity comes from; ``picture`` is both pictures drawn as well."""


@dataclass(frozen=True, slots=True)
class Window:
    """Say which results are wanted, counted from the nearest: those from `start` up to `stop`."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Shape:
    """Say which results a search answers and what each of them shows.

    Attributes:
        include: parts of a result on top of id, path, url and distance.
        explain: where the similarity of the one result comes from.
        plan: whether it is told how the search was done.
        group_by: ``partition`` or a field of the metadata, of whose values each has one result.
        exclude_self: whether the image that a query is by is none of its results.
    """

    window: Window
    include: frozenset[Include] = frozenset({"metadata"})
    max_distance: float | None = None
    partition: str | None = None
    where: Filter | None = None
    explain: Explain | None = None
    plan: bool = False
    exclude_self: bool = False
    group_by: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """Hold one thing to search by: exactly one of data, image_id, own_key, path, vector and url.

    Attributes:
        data: a picture's bytes.
        vector: float32[dimension] of length 1.
        box: the part of the picture to search by.
    """

    data: bytes | None = None
    image_id: int | None = None
    own_key: str | None = None
    path: str | None = None
    vector: npt.NDArray[np.float32] | None = None
    url: str | None = None
    box: Region | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Hold a checked search: several queries when it is a batch, one otherwise.

    Attributes:
        examples: how the queries become a single one, where they are examples of what is looked for.
    """

    queries: list[Query]
    shape: Shape
    is_batch: bool = False
    examples: Examples | None = None

    @property
    def searches(self) -> int:
        """Return how many lists of results there are."""
        return len(self.queries) if self.examples is None else 1


@dataclass(frozen=True, slots=True)
class Side:
    """Hold one of two pictures to compare: its bytes, or the id of an indexed one."""

    data: bytes | None = None
    image_id: int | None = None


def unit(numbers: list[float]) -> npt.NDArray[np.float32]:
    """Return the direction of finite numbers that are not all zero, as float32 of length 1."""
    raw = np.array(numbers, dtype=np.float64)
    # Squares of the largest doubles overflow, and those of the smallest vanish.
    raw /= np.abs(raw).max()
    direction: Any = raw / np.linalg.norm(raw)
    return np.asarray(direction, dtype=np.float32)
