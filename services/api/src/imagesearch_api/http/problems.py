"""Turn errors into RFC 9457 problem details; the only place that knows which status an error has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, json, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from imagesearch.errors import (
    Conflict,
    ImageSearchError,
    NotFound,
    PictureRejected,
    PipelineMismatch,
    SourceRejected,
    StoreUnavailable,
    TransientError,
    UnsupportedByStore,
)
from imagesearch.failures import FailureCode
from imagesearch.vectors import InvalidFilter

log = structlog.get_logger()

RETRY_AFTER_SECONDS = 2
MAX_ERRORS = 20
"""Wrong fields that one answer names."""

PICTURE_STATUS = {
    FailureCode.UNSUPPORTED_FORMAT: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    FailureCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""Any other code is 400."""

SOURCE_STATUS = {"forbidden": HTTPStatus.FORBIDDEN, "missing": HTTPStatus.NOT_FOUND}
"""Any other kind is 400."""


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


class Busy(ImageSearchError):
    """As many requests of this kind as this process takes at once are in flight."""


class WrongMediaType(ImageSearchError):
    """The body is of a type that this route does not read."""


class ForeignPage(ImageSearchError):
    """A page that is neither the API's own nor allowed asks for a change."""


class UnknownHost(ImageSearchError):
    """The request was sent to a name that is none of the API's."""


STATUS_BY_TYPE: dict[type[ImageSearchError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    PipelineMismatch: HTTPStatus.CONFLICT,
    UnsupportedByStore: HTTPStatus.BAD_REQUEST,
    WrongMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ForeignPage: HTTPStatus.FORBIDDEN,
    UnknownHost: HTTPStatus.MISDIRECTED_REQUEST,
}


@contextmanager
def naming(field: str) -> Iterator[None]:
    """Say of errors about what was asked for which field asked for it."""
    try:
        yield
    except (NotFound, Conflict, PictureRejected) as error:
        raise AtField(field, error) from error


def problem(
    status: HTTPStatus | int, detail: str, *, errors: list[dict[str, str]] | None = None, **extra: Any
) -> Response:
    """Return a problem details response of that status."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        **extra,
    }
    if errors:
        body["errors"] = errors
    response = Response(json.dumps(body), status=int(status), content_type="application/problem+json")
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def register(app: Flask) -> None:
    """Make every error of this application a problem details response."""
    app.register_error_handler(ImageSearchError, _from_domain)
    app.register_error_handler(ValidationError, _from_validation)
    app.register_error_handler(RequestEntityTooLarge, _from_too_large)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _from_bug)


def _from_domain(error: ImageSearchError) -> Response:
    match error:
        case BadField() | InvalidFilter():
            fields = [{"field": error.field, "rule": error.rule}]
            return problem(HTTPStatus.BAD_REQUEST, f"{error.field}: {error.rule}.", errors=fields)
        case AtField():
            return _from_domain_at(error.cause, error.field)
        case PictureRejected():
            return _from_picture(error)
        case Busy():
            return problem(HTTPStatus.TOO_MANY_REQUESTS, str(error))
        case SourceRejected():
            status = SOURCE_STATUS.get(error.kind, HTTPStatus.BAD_REQUEST)
            return problem(status, f"{error}.", errors=[{"field": "source", "rule": str(error)}])
        case TransientError():
            log.warning("request.put_off", path=request.path, reason=str(error))
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, _excuse(error))
    known = STATUS_BY_TYPE.get(type(error))
    return problem(known, str(error)) if known else _from_bug(error)


def _from_domain_at(cause: ImageSearchError, field: str) -> Response:
    if isinstance(cause, PictureRejected):
        return _from_picture(cause, field)
    status = STATUS_BY_TYPE.get(type(cause), HTTPStatus.BAD_REQUEST)
    return problem(status, str(cause), errors=[{"field": field, "rule": str(cause)}])


def _from_picture(error: PictureRejected, field: str | None = None) -> Response:
    status = PICTURE_STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
    which = "The picture" if field is None else f"{field}: the picture"
    errors = [{"field": field, "rule": error.reason}] if field else None
    return problem(status, f"{which} cannot be used: {error.reason}.", errors=errors, code=str(error.code))


def _excuse(error: TransientError) -> str:
    if isinstance(error, StoreUnavailable):
        return f"The {error.store} store does not answer; try again."
    return "No worker answered in time; try again."


def _from_validation(error: ValidationError) -> Response:
    fields = [
        {"field": _field_path(detail["loc"]), "rule": _rule(detail["msg"])}
        for detail in error.errors()[:MAX_ERRORS]
    ]
    return problem(
        HTTPStatus.BAD_REQUEST,
        "; ".join(f"{detail['field']}: {detail['rule']}" for detail in fields),
        errors=fields,
    )


def _field_path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "body"


def _rule(message: str) -> str:
    return message.removeprefix("Value error, ")


def _from_too_large(_: RequestEntityTooLarge) -> Response:
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is larger than the upload limit.")


def _from_http(error: HTTPException) -> Response:
    response = problem(error.code or 500, error.description or "")
    for name, value in error.get_headers():
        if name.lower() in ("allow", "content-range", "www-authenticate"):
            response.headers[name] = value
    return response


def _from_bug(error: Exception) -> Response:
    log.error("request.failed", path=request.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side; the log has the details.")
