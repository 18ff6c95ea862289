"""Turn errors into RFC 9457 problem details; the only place that knows which status an error has."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from imagesearch.errors import (
    Conflict,
    Forbidden,
    ImageSearchError,
    KeyRevoked,
    NotFound,
    PictureRejected,
    PipelineMismatch,
    SourceRejected,
    StoreFull,
    StoreUnavailable,
    TransientError,
    UnsupportedByStore,
)
from imagesearch.failures import FailureCode
from imagesearch.store_failures import NO_ROOM, full_disk
from imagesearch_api.errors import (
    KeyAmbiguous,
    KeyTaken,
    NoSuchKey,
    NoSuchPartition,
    NoSuchPath,
    NotAuthenticated,
    ProblemCode,
    RefusalCode,
    TooManyRequests,
    VersionMismatch,
    WrongCredentials,
)
from imagesearch_api.http.fields import (
    AtField,
    BadField,
    BadFields,
    ForeignPage,
    UnknownHost,
    WrongMediaType,
    named,
)
from imagesearch_api.models.responses.problems import Code, FieldError, Problem, UsedQuota

log = structlog.get_logger()

RETRY_AFTER_SECONDS = 2
PICTURE_STATUS = {
    FailureCode.UNSUPPORTED_FORMAT: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    FailureCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""Any other code is 400."""

SOURCE_STATUS = {"forbidden": HTTPStatus.FORBIDDEN, "missing": HTTPStatus.NOT_FOUND}
"""Any other kind is 400."""


STATUS_BY_TYPE: dict[type[ImageSearchError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    NoSuchPartition: HTTPStatus.NOT_FOUND,
    NoSuchPath: HTTPStatus.NOT_FOUND,
    NoSuchKey: HTTPStatus.NOT_FOUND,
    KeyTaken: HTTPStatus.CONFLICT,
    KeyAmbiguous: HTTPStatus.CONFLICT,
    Conflict: HTTPStatus.CONFLICT,
    PipelineMismatch: HTTPStatus.CONFLICT,
    UnsupportedByStore: HTTPStatus.BAD_REQUEST,
    WrongMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ForeignPage: HTTPStatus.FORBIDDEN,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    WrongCredentials: HTTPStatus.UNAUTHORIZED,
    KeyRevoked: HTTPStatus.UNAUTHORIZED,
    UnknownHost: HTTPStatus.MISDIRECTED_REQUEST,
    VersionMismatch: HTTPStatus.PRECONDITION_FAILED,
}


CODE_OF_STATUS = {
    HTTPStatus.BAD_REQUEST: ProblemCode.INVALID_REQUEST,
    HTTPStatus.UNAUTHORIZED: ProblemCode.NOT_AUTHENTICATED,
    HTTPStatus.FORBIDDEN: ProblemCode.NOT_ALLOWED,
    HTTPStatus.NOT_FOUND: ProblemCode.NOT_FOUND,
    HTTPStatus.PRECONDITION_FAILED: ProblemCode.VERSION_MISMATCH,
    HTTPStatus.METHOD_NOT_ALLOWED: ProblemCode.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ProblemCode.BODY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ProblemCode.WRONG_MEDIA_TYPE,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: ProblemCode.RANGE_NOT_SATISFIABLE,
    HTTPStatus.MISDIRECTED_REQUEST: ProblemCode.UNKNOWN_HOST,
    HTTPStatus.SERVICE_UNAVAILABLE: ProblemCode.UNAVAILABLE,
    HTTPStatus.INTERNAL_SERVER_ERROR: ProblemCode.INTERNAL_ERROR,
}
"""Where nothing more is known. Of any other status Werkzeug has words of its own: it is the caller's mistake."""
TYPE = "urn:imagesearch:problem:"


def problem(
    status: HTTPStatus | int,
    detail: str,
    errors: Sequence[tuple[str, str]] = (),
    code: Code | None = None,
    *,
    retry_after: int = RETRY_AFTER_SECONDS,
    quota: UsedQuota | None = None,
) -> Response:
    """Return a problem details response of that status.

    Args:
        status: of the response.
        detail: what is wrong this time.
        errors: the fields that are wrong, each with its rule.
        code: what is wrong, in one word; None for what its status says.
        retry_after: seconds to wait, where waiting helps.
        quota: the one that is used up.
    """
    named_code = code or CODE_OF_STATUS.get(HTTPStatus(status), ProblemCode.INVALID_REQUEST)
    parts: dict[str, Any] = {"code": named_code}
    if quota is not None:
        parts["quota"] = quota
    if errors:
        parts["errors"] = [FieldError(field=field, rule=rule) for field, rule in errors]
    title = HTTPStatus(status).phrase
    body = Problem(type=f"{TYPE}{named_code}", title=title, status=int(status), detail=detail, **parts)
    response = Response(body.to_json(), status=int(status), content_type="application/problem+json")
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        response.headers["Retry-After"] = str(retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="imagesearch"'
    return response


def register(app: Flask) -> None:
    """Make every error of this application a problem details response."""
    app.register_error_handler(ImageSearchError, of_domain)
    app.register_error_handler(RequestEntityTooLarge, _from_too_large)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(OSError, _from_system)
    app.register_error_handler(Exception, _from_bug)


def of_domain(error: ImageSearchError) -> Response:
    """Return the response that says what is wrong."""
    error = named(error)
    match error:
        case BadField():
            fields = [(error.field, error.rule)]
            return problem(HTTPStatus.BAD_REQUEST, f"{error.field}: {error.rule}.", fields)
        case BadFields():
            return problem(HTTPStatus.BAD_REQUEST, str(error), error.fields)
        case AtField():
            return _from_domain_at(error.cause, error.field)
        case PictureRejected():
            return _from_picture(error)
        case TooManyRequests():
            return problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), code=error.code, retry_after=error.seconds)
        case SourceRejected():
            return _from_source(error, "source")
        case TransientError():
            log.warning("request.put_off", path=request.path, reason=str(error))
            code = RefusalCode.NO_ROOM if isinstance(error, StoreFull) else None
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, _excuse(error), code=code)
    known = STATUS_BY_TYPE.get(type(error))
    return problem(known, str(error), code=_code_of(error)) if known else _from_bug(error)


def _code_of(error: ImageSearchError) -> Code | None:
    if isinstance(error, PipelineMismatch):
        return FailureCode.WRONG_PIPELINE
    return error.code if isinstance(error, Conflict) else None


def _from_domain_at(cause: ImageSearchError, field: str) -> Response:
    if isinstance(cause, PictureRejected):
        return _from_picture(cause, field)
    if isinstance(cause, SourceRejected):
        return _from_source(cause, field)
    status = STATUS_BY_TYPE.get(type(cause), HTTPStatus.BAD_REQUEST)
    return problem(status, str(cause), [(field, str(cause))], _code_of(cause))


def _from_source(error: SourceRejected, field: str) -> Response:
    status = SOURCE_STATUS.get(error.kind, HTTPStatus.BAD_REQUEST)
    return problem(status, f"{error}.", [(field, str(error))])


def _from_picture(error: PictureRejected, field: str | None = None) -> Response:
    status = PICTURE_STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
    which = "The picture" if field is None else f"{field}: the picture"
    errors = [(field, error.reason)] if field else []
    return problem(status, f"{which} cannot be used: {error.reason}.", errors, error.code)


def _excuse(error: TransientError) -> str:
    if isinstance(error, StoreFull):
        return f"The {error.store} store has no room ({error.lacks}); try again when there is some."
    if isinstance(error, StoreUnavailable):
        return f"The {error.store} store does not answer; try again."
    return "No worker answered in time; try again."


def _from_too_large(_: RequestEntityTooLarge) -> Response:
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is larger than the upload limit.")


def _from_http(error: HTTPException) -> Response:
    response = problem(error.code or 500, error.description or "")
    for name, value in error.get_headers():
        if name.lower() in ("allow", "content-range", "www-authenticate"):
            response.headers[name] = value
    return response


def _from_system(error: OSError) -> Response:
    """Return that there is no room, where that is what the file system says: bodies of requests lie on a disk."""
    return of_domain(full_disk("files", error)) if error.errno in NO_ROOM else _from_bug(error)


def _from_bug(error: Exception) -> Response:
    log.error("request.failed", path=request.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side; the log has the details.")
