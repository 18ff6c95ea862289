"""What is answered about callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field

from imagesearch.catalog.jobs import callbacks
from imagesearch.catalog.states import CallbackState
from imagesearch_api.models.responses.base import Answer, Count, JobId, Link, Moment, Page, moment


class CallbackAttempt(Answer):
    """One attempt to tell somebody; one that was killed on the way is missing."""

    number: Count
    at: Moment
    status: int | None = Field(description="Of the answer; null where there was none.")
    error: str | None
    seconds: float

    @classmethod
    def of(cls, attempt: callbacks.Attempt) -> Self:
        """Return what is answered about an attempt."""
        return cls(
            number=attempt.number,
            at=moment(attempt.at),
            status=attempt.status,
            error=attempt.error,
            seconds=attempt.seconds,
        )


class Callback(Answer):
    """Somebody who is to be told that a job has ended, or was."""

    event_id: Annotated[JobId, Field(description="The same with each attempt, in `webhook-id`.")]
    url: Annotated[Link, Field(description="Without its query.")]
    state: CallbackState
    created_at: Moment
    next_attempt_at: Moment | None
    ended_at: Moment | None
    attempts: list[CallbackAttempt]

    @classmethod
    def of(cls, callback: callbacks.Callback, attempts: Sequence[callbacks.Attempt]) -> Self:
        """Return what is answered about a callback."""
        waits = callback.state == CallbackState.WAITING
        return cls(
            event_id=callback.event_id,
            # Queries hold tokens, which are for the receiver alone.
            url=urlsplit(callback.url)._replace(query="", fragment="").geturl(),
            state=callback.state,
            created_at=moment(callback.created_at),
            next_attempt_at=moment(callback.due_at) if waits else None,
            ended_at=moment(callback.ended_at) if callback.ended_at is not None else None,
            attempts=[CallbackAttempt.of(attempt) for attempt in attempts],
        )


class CallbackPage(Page[Callback]):
    """One page of callbacks of a job, oldest first."""
