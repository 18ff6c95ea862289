"""Say which field of a request is wrong. Only this layer knows the names of fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from imagesearch.errors import ImageSearchError, PictureRejected, SourceRejected, UrlRefused
from imagesearch.pictures.regions import InvalidRegion
from imagesearch.pipeline import PipelineRejected
from imagesearch_api.errors import (
    CallbackRejected,
    CursorRejected,
    ExamplesRejected,
    IndexRejected,
    KeyAmbiguous,
    KeyTaken,
    MetadataRejected,
    NetworkRejected,
    NoSuchKey,
    NoSuchPartition,
    NoSuchPath,
    QueryRejected,
    VectorRejected,
)


class BadField(ImageSearchError):
    """A field of the request is missing or has a value that it cannot take.

    Attributes:
        field: its name, or a path into the body such as ``paths[3]``.
        rule: what a right value looks like.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


class BadFields(ImageSearchError):
    """Fields of the request break the rules of its model.

    Attributes:
        fields: the first of them, each with its name and its rule.
    """

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {rule}" for field, rule in fields))
        self.fields = tuple(fields)


class AtField(ImageSearchError):
    """Something is wrong with what a field of the request names.

    Attributes:
        field: its name, or a path into the body such as ``queries[3].image_id``.
        cause: what is wrong; it decides the status.
    """

    def __init__(self, field: str, cause: ImageSearchError) -> None:
        super().__init__(f"{field}: {cause}")
        self.field = field
        self.cause = cause


class WrongMediaType(ImageSearchError):
    """The body is of a type that this route does not read."""


class ForeignPage(ImageSearchError):
    """A page that is neither the API's own nor allowed asks for a change."""


class UnknownHost(ImageSearchError):
    """The request was sent to a name that is none of the API's."""


@dataclass(frozen=True, slots=True)
class QueryFields:
    """Hold the names that a request gives to one of its queries, and to the box of that query."""

    query: str
    box: str = "box"


@contextmanager
def naming_queries(names: Sequence[QueryFields]) -> Iterator[None]:
    """Add the name of its field to an error about one of several queries.

    Raises:
        AtField, BadField: one of them cannot be used.
    """
    try:
        yield
    except QueryRejected as error:
        names_of_it = names[error.index]
        match error.cause:
            case InvalidRegion(rule=rule):
                raise BadField(names_of_it.box, rule) from error
            case UrlRefused(rule=rule) | VectorRejected(rule=rule):
                raise BadField(names_of_it.query, rule) from error
        raise AtField(names_of_it.query, error.cause) from error


@contextmanager
def naming_picture(field: str) -> Iterator[None]:
    """Add the name of its field to the error about a picture that cannot be used.

    Raises:
        AtField: it cannot be used.
    """
    try:
        yield
    except PictureRejected as error:
        raise AtField(field, error) from error


@contextmanager
def naming_source(field: str) -> Iterator[None]:
    """Add the name of its field to the error about a directory that may not be read.

    Raises:
        AtField: it may not.
    """
    try:
        yield
    except SourceRejected as error:
        raise AtField(field, error) from error


_OF_ONE_FIELD: dict[type[ImageSearchError], str] = {
    NoSuchPartition: "partition",
    NoSuchPath: "path",
    NoSuchKey: "key",
    KeyTaken: "key",
    KeyAmbiguous: "key",
}


def named(error: ImageSearchError) -> ImageSearchError:
    """Return an error that is always about one field with that field's name; any other as it is."""
    match error:
        case NetworkRejected(rule=rule):
            return BadField("network", rule)
        case PipelineRejected(rule=rule):
            return BadField("preprocessing", rule)
        case CallbackRejected(rule=rule):
            return BadField("callback_url", rule)
        case MetadataRejected(rule=rule):
            return BadField("metadata", rule)
        case IndexRejected(part=part, rule=rule):
            return BadField(part, rule)
        case CursorRejected(rule=rule):
            return BadField("cursor", rule)
        case ExamplesRejected(side=side, rule=rule):
            return BadField(side, rule)
    field = _OF_ONE_FIELD.get(type(error))
    return AtField(field, error) if field is not None else error
