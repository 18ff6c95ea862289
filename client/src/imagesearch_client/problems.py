"""What a failed request means: the API refuses, is away or busy, or something else answers."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from imagesearch_client.errors import ApiError, Busy, ClientError, FieldError, ProtocolError, Unavailable

UNAVAILABLE_STATUSES = frozenset({502, 503, 504})
"""503 is the API's own word for a store that is down; a proxy says 502 or 504 while the API restarts."""
BUSY_STATUS = 429


def checked(response: httpx.Response, server: str, media_type: str | None = None) -> httpx.Response:
    """Return an answer of a status below 300; its body has been read if it is none.

    Raises:
        ApiError: the API refused.
        Unavailable: it cannot work now; Busy: it has too much to do.
        ProtocolError: the answer is a redirect, which this API never gives, or not of the media type.
    """
    if response.is_success:
        told = response.headers.get("Content-Type", "nothing")
        if media_type is not None and told.partition(";")[0].strip().lower() != media_type:
            raise ProtocolError(f"{_asked(response)} was answered with {told}; is {server} the image search API?")
        return response
    if response.status_code < 400:
        where = response.headers.get("Location", "nowhere")
        raise ProtocolError(f"{server} redirects to {where}; name the API's own URL")
    problem = _problem(response)
    if response.status_code == BUSY_STATUS:
        raise Busy(problem.detail or problem.title, problem.retry_after, code=problem.code)
    if response.status_code in UNAVAILABLE_STATUSES:
        raise Unavailable(problem.detail or problem.title, problem.retry_after, code=problem.code)
    raise problem


def json_of(response: httpx.Response, server: str) -> object:
    """Return the JSON of an answer. Raises ProtocolError where it is none."""
    try:
        value: object = response.json()
    except ValueError:
        raise ProtocolError(
            f"{_asked(response)} was not answered in JSON; is {server} the image search API?"
        ) from None
    return value


def _asked(response: httpx.Response) -> str:
    return f"{response.request.method} {response.request.url.path}"


def failure_of(reason: httpx.HTTPError, server: str) -> Unavailable:
    """Return what it means that a request got no answer.

    Raises:
        ClientError: it could never get one.
    """
    if isinstance(reason, httpx.NetworkError | httpx.RemoteProtocolError):
        return Unavailable(f"cannot reach {server}: {_words(reason)}")
    if isinstance(reason, httpx.TimeoutException):
        return Unavailable(f"{server} did not answer in time ({type(reason).__name__})")
    raise ClientError(f"cannot speak to {server}: {_words(reason)}") from reason


def _problem(response: httpx.Response) -> ApiError:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {}
    status = response.status_code
    title = body.get("title")
    detail = body.get("detail")
    code = body.get("code")
    return ApiError(
        status=status,
        title=title if isinstance(title, str) else f"{status} {response.reason_phrase}".strip(),
        detail=detail if isinstance(detail, str) else None,
        errors=_field_errors(body.get("errors")),
        retry_after=_retry_after(response.headers.get("Retry-After")),
        code=code if isinstance(code, str) else None,
    )


def _field_errors(errors: object) -> tuple[FieldError, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(
        FieldError(str(error.get("field", "")), str(error.get("rule", "")))
        for error in errors
        if isinstance(error, dict)
    )


def _retry_after(header: str | None) -> float | None:
    """Read seconds or a date (RFC 9110, 10.2.3); a header that is neither counts as none."""
    if header is None:
        return None
    try:
        if header.strip().isdecimal():
            return float(header)
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _words(reason: Exception) -> str:
    return str(reason) or type(reason).__name__
