"""Keep what a request reserved until its answer has been sent, or either has failed.

Flask's own teardown runs when a view has returned, long before a large file is with a slow reader.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, Protocol
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import current_app
from werkzeug.wsgi import ClosingIterator

from imagesearch_api.http.lanes import Lanes
from imagesearch_api.memory import Memory

KEY = "imagesearch.held"


class Bounds(Protocol):
    """Tell what bounds the requests that one process works on."""

    @property
    def lanes(self) -> Lanes:
        """Return the places for requests of each kind."""

    @property
    def memory(self) -> Memory:
        """Return the memory for what they read and decode."""


def bounds() -> Bounds:
    """Return the bounds of the application that answers the current request."""
    found: Bounds = current_app.extensions["services"]
    return found


def held(environ: WSGIEnvironment) -> ExitStack:
    """Return what closes when the answer to this request has been sent."""
    stack: ExitStack = environ[KEY]
    return stack


class Holding:
    """Give each request of an application a stack that closes behind its answer."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        with ExitStack() as stack:
            environ[KEY] = stack
            chunks: Any = self._app(environ, start_response)
            later = stack.pop_all()
        if type(chunks) is environ.get("wsgi.file_wrapper"):
            # A server sends a file wrapper from file to socket by itself, so it must not be wrapped again.
            later.callback(chunks.close)
            chunks.close = later.close
            answer: Iterable[bytes] = chunks
            return answer
        return ClosingIterator(chunks, later.close)
