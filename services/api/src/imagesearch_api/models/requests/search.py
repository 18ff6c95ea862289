"""Bodies of searches: by which pictures or vectors, and in which shape the answer comes."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from imagesearch.networks import MAX_DIMENSION
from imagesearch.pictures.regions import RULE as REGION_RULE
from imagesearch.pictures.regions import InvalidRegion, Region
from imagesearch.vectors import MAX_WINDOW, Filter, InvalidFilter, parse_filter
from imagesearch_api.limits import (
    DEFAULT_RESULTS,
    MAX_EXAMPLES,
    MAX_FIELD_LENGTH,
    MAX_QUERIES,
    MAX_URL_LENGTH,
    NEGATIVE_SHARE,
)
from imagesearch_api.models.requests.base import (
    Body,
    ImageId,
    OwnKey,
    Partition,
    Path,
    Text,
    WrongField,
    comma_separated,
    exactly_one,
)
from imagesearch_api.search.question import ExplainOrPlan, Include


def _region(raw: object) -> Region:
    try:
        return Region.parse(raw)
    except InvalidRegion as error:
        raise ValueError(error.rule) from error


def _filter(raw: object) -> Filter:
    try:
        return parse_filter(raw)
    except InvalidFilter as error:
        raise WrongField(error.path, error.rule) from error


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
FILTER_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "description": 'One of {"eq": [field, value]}, lt, le, gt, ge, {"in": [field, [values]]}, {"exists": field}, '
    '{"and": [filters]}, {"or": [filters]}, {"not": filter}.',
    "examples": [{"and": [{"eq": ["colour", "red"]}, {"lt": ["year", 1900]}]}],
}

Box = Annotated[Region, PlainValidator(_region), WithJsonSchema(_BOX_SCHEMA)]
FilterField = Annotated[Filter, PlainValidator(_filter), WithJsonSchema(FILTER_SCHEMA)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Vector = Annotated[list[Number], Field(min_length=1, max_length=MAX_DIMENSION), AfterValidator(_direction)]
Count = Annotated[int, Field(ge=1, le=MAX_WINDOW)]
Weight = Annotated[
    float, Field(ge=0.001, le=1000, allow_inf_nan=False, description="How much it counts beside the others.")
]


class QueryBody(Body):
    """One query of a search in JSON: exactly one of `image_id`, `key`, `path`, `vector` and `url`."""

    model_config = ConfigDict(json_schema_extra=exactly_one("image_id", "key", "path", "vector", "url"))

    image_id: ImageId | None = None
    key: OwnKey | None = None
    path: Path | None = None
    vector: Vector | None = None
    url: Annotated[Text, Field(max_length=MAX_URL_LENGTH)] | None = None
    box: Box | None = None

    def given(self) -> list[str]:
        """Return the names of the fields that say what to search by."""
        names = ("image_id", "key", "path", "vector", "url")
        return [name for name in names if getattr(self, name) is not None]

    def check_one(self, field: str, prefix: str = "") -> None:
        """Check that there is exactly one thing to search by, and a box only where it has a picture.

        Raises:
            WrongField: there is not; `field` is wrong, or the box behind `prefix`.
        """
        if len(self.given()) != 1:
            raise WrongField(field, "exactly one of image_id, key, path, vector and url is expected")
        if self.box is not None and self.vector is not None:
            raise WrongField(f"{prefix}box", "a vector has no picture to take a part of")


class ExampleBody(QueryBody):
    """One example of what is looked for, or of what is not."""

    weight: Weight = 1.0


_EXAMPLES = Field(max_length=MAX_EXAMPLES)


class ExamplesBody(Body):
    """Examples in JSON: of what is looked for, and of what is not."""

    positive: Annotated[list[ExampleBody], _EXAMPLES] | None = None
    negative: Annotated[list[ExampleBody], _EXAMPLES] | None = None
    negative_share: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="The vector searched by is the direction of the weighted mean of the positive examples "
            f"less this share of that of the negative ones, both of length 1; {NEGATIVE_SHARE} unless given.",
        ),
    ] = None

    @model_validator(mode="after")
    def _each_is_one(self) -> ExamplesBody:
        for side in ("positive", "negative"):
            for index, example in enumerate(getattr(self, side) or ()):
                example.check_one(f"{side}[{index}]", f"{side}[{index}].")
        if self.has_examples and len(self.positive or ()) + len(self.negative or ()) > MAX_EXAMPLES:
            raise WrongField("negative", f"at most {MAX_EXAMPLES} examples, positive and negative")
        return self

    @property
    def has_examples(self) -> bool:
        """Tell whether any of the fields is given."""
        return (self.positive, self.negative, self.negative_share) != (None, None, None)


class ExamplesForm(Body):
    """What a form says of examples beside their files."""

    examples: ExamplesBody | None = None
    positive_weight: Annotated[list[Weight], _EXAMPLES] = Field(default_factory=list)
    negative_weight: Annotated[list[Weight], _EXAMPLES] = Field(default_factory=list)


class ShapeBody(Body):
    """What a search says about its answer."""

    top_k: Count | None = None
    page: Count | None = None
    page_size: Count | None = None
    max_distance: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    include: Annotated[list[Include], Field(fail_fast=True), BeforeValidator(comma_separated)] | None = None
    partition: Partition | None = None
    filter: FilterField | None = None
    explain: Annotated[
        ExplainOrPlan | None,
        Field(
            description="`regions` tells where in the query and the one result their similarity comes from; "
            "`picture` draws both as well; `plan` tells how the search was done."
        ),
    ] = None
    group_by: Annotated[
        Text | None,
        Field(
            min_length=1,
            max_length=MAX_FIELD_LENGTH,
            description="`partition`, or a field of the metadata: only the nearest image of each of its values is "
            "a result. Images without the field are left out. They are looked for among the "
            f"{MAX_WINDOW:,} nearest images, of all queries of a batch together.",
        ),
    ] = None
    exclude_self: Annotated[
        bool, Field(description="Leave out the indexed images that the queries are by; each query its own.")
    ] = False

    @model_validator(mode="after")
    def _one_window(self) -> ShapeBody:
        if self.top_k is not None and (self.page is not None or self.page_size is not None):
            raise WrongField("top_k", "either top_k, or page with page_size, and not both")
        if (self.page or 1) * (self.page_size or DEFAULT_RESULTS) > MAX_WINDOW:
            raise WrongField("page", f"page x page_size is at most {MAX_WINDOW}")
        return self


class SearchBody(ShapeBody, QueryBody, ExamplesBody):
    """What a search takes as JSON: the fields of one query, `queries` or examples, and the shape of the answer."""

    model_config = ConfigDict(
        json_schema_extra=exactly_one("image_id", "key", "path", "vector", "url", "queries", "positive")
    )

    queries: Annotated[list[QueryBody], Field(min_length=1, max_length=MAX_QUERIES)] | None = None

    @model_validator(mode="after")
    def _by_something(self) -> SearchBody:
        if self.has_examples:
            if not self.positive:
                raise WrongField("positive", "at least one positive example is expected")
            if self.given() or self.box is not None or self.queries is not None:
                raise WrongField("positive", "either examples, or something else to search by")
        elif self.queries is None:
            self.check_one("body")
        elif self.given() or self.box is not None:
            raise WrongField("queries", "what to search by stands in the queries, and nowhere else")
        else:
            for index, query in enumerate(self.queries):
                query.check_one(f"queries[{index}]", f"queries[{index}].")
        return self
