"""What can go wrong when one speaks to the API: it refuses, it cannot be reached, or it is not the API."""

from __future__ import annotations

from dataclasses import dataclass


class ClientError(Exception):
    """Base of every error that this client raises on purpose."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """Name one field of a request that is wrong, and the rule it breaks."""

    field: str
    rule: str


class ApiError(ClientError):
    """The API answered and said no (RFC 9457 problem details).

    Attributes:
        status: the HTTP status.
        title: the kind of problem, in a few words.
        detail: what is wrong this time; None where the API does not say.
        errors: the fields that are wrong, where the problem lies in fields.
        code: why, in one stable word such as ``quota_exceeded``; None where the API does not say.
        retry_after: seconds after which the API would like to be asked again; None where it does not say.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str | None = None,
        errors: tuple[FieldError, ...] = (),
        retry_after: float | None = None,
        *,
        code: str | None = None,
    ) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors
        self.code = code
        self.retry_after = retry_after
        super().__init__(detail or "; ".join(f"{error.field}: {error.rule}" for error in errors) or title)


class Unavailable(ClientError):
    """The API cannot be reached or cannot work now; later it may.

    Attributes:
        retry_after: seconds after which the API would like to be asked again; None where it does not say.
        code: why, in one stable word such as ``no_room``; None where the API does not say, or does not answer.
    """

    def __init__(self, detail: str, retry_after: float | None = None, *, code: str | None = None) -> None:
        self.retry_after = retry_after
        self.code = code
        super().__init__(detail)


class Busy(Unavailable):
    """The API has too much of this kind in hand, and has done nothing of what was asked."""


class ProtocolError(ClientError):
    """The answer is not one that this API gives: another server, or another version."""


class StillRunning(ClientError, TimeoutError):
    """The time to wait for a job is up; it goes on."""
