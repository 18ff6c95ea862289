"""Name the request that a line of log or a message comes from.

The API takes or makes an id for each request (`begin`). Its lines of log carry it, and so do the messages that it
sends. A worker's lines carry it while it handles such a message. What workers send carries none: a message may
concern the batches of many jobs, so from there on the job's id is what lines have in common.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from uuid import uuid4

import structlog

MAX_LENGTH = 64
"""A UUID has 36 characters, the ids of common proxies at most 64."""
_ID = re.compile(rf"[A-Za-z0-9._:=/+-]{{1,{MAX_LENGTH}}}")
_HEADER = "imagesearch_request"
"""Of a message. Older workers pass over it."""

_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def begin(given: str | None) -> str:
    """Return the id of a request that begins, and keep it for this thread: the given one, or a new one.

    A given one that has other characters, or is too long, would make lines of log that say something else.
    """
    request_id = given if given is not None and _ID.fullmatch(given) else uuid4().hex
    _current.set(request_id)
    structlog.contextvars.bind_contextvars(request=request_id)
    return request_id


def end() -> None:
    """Forget the request of this thread."""
    _current.set(None)
    structlog.contextvars.unbind_contextvars("request")


def headers() -> dict[str, str]:
    """Return what a message of the present request carries."""
    request_id = _current.get()
    return {} if request_id is None else {_HEADER: request_id}


def handling(message_headers: Mapping[str, object] | None) -> AbstractContextManager[None]:
    """Have lines of log carry the id that a message brings, if it is one."""
    found = (message_headers or {}).get(_HEADER)
    if isinstance(found, str) and _ID.fullmatch(found):
        return structlog.contextvars.bound_contextvars(request=found)
    return structlog.contextvars.bound_contextvars()
