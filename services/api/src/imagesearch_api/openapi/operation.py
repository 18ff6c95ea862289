"""Say on a route what it takes and what it answers: the description of the interface reads it there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from imagesearch_api.models.responses.base import Answer
from imagesearch_api.openapi.schemas import Schema

FILE: Schema = {}
"""Bytes, of the media types that an `Operation` names."""
ANYTHING: Schema = {"type": "object"}

Answered = type[Answer] | tuple[type[Answer], ...] | Schema | None
"""A model or one of several, a schema where there is no model, or None where there is no body."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Describe one route.

    Attributes:
        answers: what is answered, by status.
        parameters: of the query and the headers; those of the path are read from the route.
        json: checks a JSON body.
        form: the schema of a multipart body; with `json`, either is taken.
        errors: statuses of problem details, besides those that any route may answer, or any that takes parameters
            or a body, has a lane, or changes something.
        media: types of what is sent where it is not JSON.
    """

    answers: Mapping[int, Answered]
    parameters: tuple[Schema, ...] = ()
    json: type[BaseModel] | None = None
    form: Schema | None = None
    errors: tuple[int, ...] = ()
    media: tuple[str, ...] = ("application/json",)

    def models(self) -> Iterator[type[Answer]]:
        """Return the models of all answers."""
        for answered in self.answers.values():
            if isinstance(answered, type):
                yield answered
            elif isinstance(answered, tuple):
                yield from answered


View = TypeVar("View", bound=Callable[..., Any])


def operation(
    answers: Mapping[int, Answered],
    *,
    parameters: tuple[Schema, ...] = (),
    json: type[BaseModel] | None = None,
    form: Schema | None = None,
    errors: tuple[int, ...] = (),
    media: tuple[str, ...] = ("application/json",),
) -> Callable[[View], View]:
    """Make a view carry the description of its route; see `Operation`."""

    def decorate(view: View) -> View:
        view.operation = Operation(answers, parameters, json, form, errors, media)  # type: ignore[attr-defined]
        return view

    return decorate


def operation_of(view: Callable[..., object]) -> Operation:
    """Return the description that a view carries.

    Raises:
        LookupError: it carries none.
    """
    found: Operation | None = getattr(view, "operation", None)
    if found is None:
        raise LookupError(f"{view.__name__} does not say what it takes and answers")
    return found
