"""Check what a search asks: by which pictures or vectors, and in which shape the answer comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from imagesearch.contract import DIMENSION
from imagesearch.pictures.regions import RULE as REGION_RULE
from imagesearch.pictures.regions import InvalidRegion, Region
from imagesearch.vectors import MAX_WINDOW, Filter, parse_filter
from imagesearch_api.http.problems import BadField
from imagesearch_api.models.requests import Body, Partition, Path, Text, exactly_one

MAX_QUERIES = 64
"""Queries of one batch: their pixels are 10 MB, and one forward pass takes seconds on a CPU."""
DEFAULT_RESULTS = 10
MAX_ID = 2**63 - 1
MAX_URL_LENGTH = 4096

Include = Literal["metadata", "size", "thumbnail"]


def _region(raw: object) -> Region:
    try:
        return Region.parse(raw)
    except InvalidRegion as error:
        raise ValueError(error.rule) from error


def _comma_separated(raw: object) -> object:
    return [part.strip() for part in raw.split(",") if part.strip()] if isinstance(raw, str) else raw


def _direction(numbers: list[float]) -> list[float]:
    if not any(numbers):
        raise ValueError("must not be all zeros: it has no direction")
    return numbers


_BOX_SCHEMA = {
    "description": REGION_RULE,
    "anyOf": [
        {"type": "string", "examples": ["10,20,300,200", "0.1,0.1,0.5,0.5"]},
        {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 4, "maxItems": 4},
    ],
}
_FILTER_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "description": 'One of {"eq": [field, value]}, lt, le, gt, ge, {"in": [field, [values]]}, {"exists": field}, '
    '{"and": [filters]}, {"or": [filters]}, {"not": filter}.',
    "examples": [{"and": [{"eq": ["colour", "red"]}, {"lt": ["year", 1900]}]}],
}

Box = Annotated[Region, PlainValidator(_region), WithJsonSchema(_BOX_SCHEMA)]
FilterField = Annotated[Filter, PlainValidator(parse_filter), WithJsonSchema(_FILTER_SCHEMA)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Vector = Annotated[list[Number], Field(min_length=DIMENSION, max_length=DIMENSION), AfterValidator(_direction)]
Count = Annotated[int, Field(ge=1, le=MAX_WINDOW)]
ImageId = Annotated[int, Field(ge=1, le=MAX_ID)]


class QueryBody(Body):
    """One query of a search in JSON: exactly one of `image_id`, `path`, `vector` and `url`."""

    model_config = ConfigDict(json_schema_extra=exactly_one("image_id", "path", "vector", "url"))

    image_id: ImageId | None = None
    path: Path | None = None
    vector: Vector | None = None
    url: Annotated[Text, Field(max_length=MAX_URL_LENGTH)] | None = None
    box: Box | None = None

    def given(self) -> list[str]:
        """Return the names of the fields that say what to search by."""
        return [name for name in ("image_id", "path", "vector", "url") if getattr(self, name) is not None]


class ShapeBody(Body):
    """What a search says about its answer."""

    top_k: Count | None = None
    page: Count | None = None
    page_size: Count | None = None
    max_distance: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    include: Annotated[list[Include], Field(fail_fast=True), BeforeValidator(_comma_separated)] | None = None
    partition: Partition | None = None
    filter: FilterField | None = None

    @model_validator(mode="after")
    def _one_window(self) -> ShapeBody:
        if self.top_k is not None and (self.page is not None or self.page_size is not None):
            raise BadField("top_k", "either top_k, or page with page_size, and not both")
        if (self.page or 1) * (self.page_size or DEFAULT_RESULTS) > MAX_WINDOW:
            raise BadField("page", f"page x page_size is at most {MAX_WINDOW}")
        return self


class SearchBody(ShapeBody, QueryBody):
    """What a search takes as JSON: the fields of one query, or `queries`, and the shape of the answer."""

    model_config = ConfigDict(json_schema_extra=exactly_one("image_id", "path", "vector", "url", "queries"))

    queries: Annotated[list[QueryBody], Field(min_length=1, max_length=MAX_QUERIES)] | None = None


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
    """

    window: Window
    include: frozenset[Include] = frozenset({"metadata"})
    max_distance: float | None = None
    partition: str | None = None
    where: Filter | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """Hold one thing to search by: exactly one of data, image_id, path, vector and url.

    Attributes:
        field: what the request calls it, for errors.
        box_field: likewise, of the box.
        data: a picture's bytes.
        vector: float32[512] of length 1.
        box: the part of the picture to search by.
    """

    field: str
    box_field: str = "box"
    data: bytes | None = None
    image_id: int | None = None
    path: str | None = None
    vector: npt.NDArray[np.float32] | None = None
    url: str | None = None
    box: Region | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Hold a checked search: several queries when it is a batch, one otherwise."""

    queries: list[Query]
    shape: Shape
    is_batch: bool = False


def shape_of(body: ShapeBody) -> Shape:
    """Return the shape that a checked body asks for."""
    size = body.page_size or DEFAULT_RESULTS
    window = (
        Window(0, body.top_k) if body.top_k else Window(((body.page or 1) - 1) * size, (body.page or 1) * size)
    )
    return Shape(
        window=window,
        include=frozenset({"metadata"} if body.include is None else body.include),
        max_distance=body.max_distance,
        partition=body.partition,
        where=body.filter,
    )


def check_total(queries: list[Query], window: Window) -> None:
    """Check that a batch does not ask for more results than one answer holds.

    Raises:
        BadField: it does.
    """
    if len(queries) * window.stop > MAX_WINDOW and len(queries) > 1:
        raise BadField(
            "top_k", f"a batch reads at most {MAX_WINDOW} results, queries x top_k or x page x page_size"
        )


def questions_in_json(body: SearchBody) -> Question:
    """Return the queries of a JSON body.

    Raises:
        BadField: a query is not by exactly one thing, or a vector has a box.
    """
    if body.queries is None:
        return Question([_query(body, "")], shape_of(body))
    if body.given() or body.box is not None:
        raise BadField("queries", "what to search by stands in the queries, and nowhere else")
    return Question(
        [_query(query, f"queries[{index}].") for index, query in enumerate(body.queries)], shape_of(body), True
    )


def _query(body: QueryBody, prefix: str) -> Query:
    given = body.given()
    if len(given) != 1:
        raise BadField(prefix.rstrip(".") or "body", "exactly one of image_id, path, vector and url is expected")
    if body.box is not None and body.vector is not None:
        raise BadField(f"{prefix}box", "a vector has no picture to take a part of")
    return Query(
        field=prefix + given[0],
        box_field=f"{prefix}box",
        image_id=body.image_id,
        path=body.path,
        vector=unit(body.vector) if body.vector is not None else None,
        url=body.url,
        box=body.box,
    )


def unit(numbers: list[float]) -> npt.NDArray[np.float32]:
    """Return the direction of finite numbers that are not all zero, as float32 of length 1."""
    raw = np.array(numbers, dtype=np.float64)
    # Squares of the largest doubles overflow, and those of the smallest vanish.
    raw /= np.abs(raw).max()
    direction: Any = raw / np.linalg.norm(raw)
    return np.asarray(direction, dtype=np.float32)
