"""What answers share: kinds of values, and pages of lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, Field, WithJsonSchema

Text = Annotated[str, WithJsonSchema({"type": "string"})]
Count = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 0})]
Id = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 1})]
JobId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Link = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Anything = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
Milliseconds = Annotated[
    dict[str, float], WithJsonSchema({"type": "object", "additionalProperties": {"type": "number"}})
]
Vector = Annotated[
    list[float],
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "description": "Of length 1."}),
]
Distance = Annotated[
    float,
    WithJsonSchema(
        {"type": "number", "minimum": 0, "maximum": 1, "description": "1 - cosine: smaller is more alike."}
    ),
]


class Answer(BaseModel):
    """Base of what is answered.

    What a field is checked for when an answer is made is its type alone; its range is for readers of the schema.
    """

    def to_json(self) -> str:
        """Return the JSON of this answer in ASCII; a field that was not given to it is left out."""
        return self.model_dump_json(exclude_unset=True, ensure_ascii=True)


Item = TypeVar("Item", bound=Answer)


class Page(Answer, Generic[Item]):
    """Base of pages of lists, one class for each kind of item, whose name the schema uses."""

    items: list[Item]
    next: str | None = Field(description="The cursor of the page behind this one; null on the last one.")

    @classmethod
    def of(cls, items: Sequence[Item], places: Sequence[int | str], limit: int) -> Self:
        """Return the page of items at these places; one that is full has another behind it."""
        return cls(items=list(items), next=str(places[-1]) if len(places) == limit else None)


def moment(time: datetime) -> str:
    """Return a time as it is answered."""
    return time.isoformat()
