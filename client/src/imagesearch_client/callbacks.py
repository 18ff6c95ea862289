"""What the API answers about callbacks: who was told of a job's end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from imagesearch_client.fields import Fields


@dataclass(frozen=True, slots=True)
class CallbackAttempt:
    """Describe one attempt to tell somebody."""

    number: int
    at: datetime | None
    status: int | None
    """Of the answer; None where there was none."""
    error: str | None
    seconds: float

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read an attempt from JSON. Raises ProtocolError."""
        fields = Fields(value, "an attempt at a callback")
        return cls(
            number=fields.integer("number"),
            at=fields.optional_time("at"),
            status=fields.optional_integer("status"),
            error=fields.optional_text("error"),
            seconds=fields.number("seconds"),
        )


@dataclass(frozen=True, slots=True)
class Callback:
    """Describe somebody who is to be told that a job has ended, or was."""

    event_id: str
    """By which the receiver knows an event again that comes twice."""
    url: str
    """Without its query."""
    state: str
    """``waiting``, ``delivered`` or ``given_up``."""
    created_at: datetime | None
    next_attempt_at: datetime | None
    ended_at: datetime | None
    attempts: tuple[CallbackAttempt, ...]

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a callback from JSON. Raises ProtocolError."""
        fields = Fields(value, "a callback")
        return cls(
            event_id=fields.identifier("event_id"),
            url=fields.text("url"),
            state=fields.text("state"),
            created_at=fields.optional_time("created_at"),
            next_attempt_at=fields.optional_time("next_attempt_at"),
            ended_at=fields.optional_time("ended_at"),
            attempts=tuple(CallbackAttempt.parse(attempt) for attempt in fields.items("attempts")),
        )
