"""Read JSON bodies, and check them against their models."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import IO, Any, ParamSpec, TypeVar

from flask import current_app, g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError

from imagesearch_api.http.fields import AtField, BadField, BadFields, WrongMediaType
from imagesearch_api.http.json_values import count_values
from imagesearch_api.http.request_resources import bounds, held
from imagesearch_api.http.spooling import arrived
from imagesearch_api.limits import MAX_PATHS
from imagesearch_api.models.requests.base import BRANCH, WrongField

FORM_TYPES = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})
MAX_JSON_BYTES = 4 * 1024 * 1024
"""Room for 64 vectors of 2,048 numbers with every digit of a double."""
LONG_JSON_BYTES = 4 * 1024 * 1024
"""Longer JSON is looked at before it is read."""
MAX_LONG_JSON_VALUES = MAX_PATHS + 65_536
"""The longest list, and room for what else its body says."""
JSON_FACTOR, VALUE_BYTES = 9, 200
"""Memory that JSON takes while it is read, in multiples of its bytes, and for each of its values on top: with one
emoji in each string both the text and its strings take four bytes a character."""
MAX_ERRORS = 20
"""Wrong fields that one answer names at most."""

P = ParamSpec("P")
T = TypeVar("T", bound=BaseModel)


def long_json(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Let a route read JSON as long as any body may be, because it holds a list of what a caller has."""

    @wraps(view)
    def reading(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        g.max_json_bytes = current_app.config["MAX_CONTENT_LENGTH"]
        return view(*args, **kwargs)

    return reading


def read_json(model: type[T]) -> T:
    """Return the request's JSON body, of at most `MAX_JSON_BYTES` where the route is no `long_json`.

    A page of another site may send any bytes as text or as a form without being asked for permission; as JSON it
    may not (Fetch, "CORS-safelisted request-header"). So the type counts, not whether the bytes can be read.

    Raises:
        AtField: the body is of another type, status 415.
        BadField, BadFields: the body is not a JSON object, or a field breaks its rule.
        Busy: it is long, and there is no memory for what it holds in time.
        RequestEntityTooLarge: it is larger.
    """
    if not request.is_json:
        raise AtField("Content-Type", WrongMediaType("A body of type application/json is expected."))
    request.max_content_length = g.get("max_json_bytes", MAX_JSON_BYTES)
    return checked(model, read_object())


def checked(model: type[T], raw: dict[str, Any]) -> T:
    """Return what a request says as its model.

    Raises:
        BadFields: a field breaks its rule.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[:MAX_ERRORS]
        raise BadFields([(_field(detail), _rule(detail)) for detail in found]) from error


def _field(detail: Any) -> str:
    """Return the name of a field as callers write it: ``queries[3].box``."""
    broken = detail.get("ctx", {}).get("error")
    within = (broken.field,) if isinstance(broken, WrongField) and broken.field else ()
    path = ""
    for part in (*detail["loc"], *within):
        if str(part).startswith(BRANCH):
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "body"


def _rule(detail: Any) -> str:
    message: str = detail["msg"]
    return message.removeprefix("Value error, ")


def read_object(*, cache: bool = False) -> dict[str, Any]:
    """Return the JSON object in the body; read again only where it was cached, which is for short ones.

    Raises:
        BadField: there is none, or it is long and holds more values than any request needs.
        Busy: it is long, and there is no memory for what it holds in time.
    """
    if cache or (request.content_length is not None and request.content_length <= LONG_JSON_BYTES):
        raw = _parsed(request.get_data(cache=cache))
    else:
        with arrived() as (file, size):
            if size > LONG_JSON_BYTES:
                cost = JSON_FACTOR * size + VALUE_BYTES * _checked_values(file)
                # Memory is reserved when the body has arrived: a slow sender must not hold what others wait for.
                held(request.environ).enter_context(bounds().memory.files.reserved(cost))
            raw = _parsed(file.read())
    if not isinstance(raw, dict):
        raise BadField("body", "a JSON object is expected")
    return raw


def _checked_values(file: IO[bytes]) -> int:
    values = count_values(file)
    if values > MAX_LONG_JSON_VALUES:
        raise BadField("body", f"at most {MAX_LONG_JSON_VALUES} values are expected in JSON of this length")
    file.seek(0)
    return values


def _parsed(data: bytes) -> Any:
    try:
        # In UTF-16, which `loads` would take as well, the count of values means nothing. Halves of surrogates have
        # a rule of their own.
        return json.loads(data.decode("utf-8-sig", "surrogatepass"))
    except (ValueError, RecursionError):
        return None


def parse_json(name: str, text: str) -> Any:
    """Return the JSON in a field of a form.

    Raises:
        BadField: it is none, or nested beyond reason.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadField(name, "JSON is expected") from error


def expect_form(*, or_json: bool) -> None:
    """Refuse a body that is no form; a request without a body counts as a form without fields.

    Raises:
        AtField: the body is of another type, status 415.
    """
    if not has_body() or request.mimetype in FORM_TYPES or (or_json and request.is_json):
        return
    types = "multipart/form-data or application/json" if or_json else "multipart/form-data"
    raise AtField("Content-Type", WrongMediaType(f"A body of type {types} is expected."))


def has_body() -> bool:
    """Tell whether the request has a body, whether or not its length is given."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
