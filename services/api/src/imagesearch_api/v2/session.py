"""Routes of sessions: a page logs in with a key once, and its pictures need none."""

from __future__ import annotations

from flask import Response, request
from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.errors import Forbidden
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.callers import caller, needs
from imagesearch_api.http.credentials import COOKIE, access, session_of
from imagesearch_api.http.lanes import Lane
from imagesearch_api.models.responses.system import Session
from imagesearch_api.openapi.operation import operation
from imagesearch_api.v2 import v2


@v2.get("/session")
@operation({200: Session})
@needs(Scope.READ)
@admitted(Lane.STATUS)
def show_session() -> ResponseReturnValue:
    """Say which key the caller has, and what it allows."""
    return _shown()


@v2.post("/session")
@operation({200: Session})
@needs(Scope.READ)
@admitted(Lane.STATUS)
def begin_session() -> ResponseReturnValue:
    """Begin a session under the key in the header: a cookie stands in for it from then on."""
    if not caller().has_key:
        raise Forbidden("A session begins with the key itself.")
    response = _shown()
    key_id = caller().owner.key_id
    if key_id is not None:
        _set_cookie(response, session_of(key_id), access().session_seconds)
    return response


@v2.delete("/session")
@operation({204: None})
@needs(Scope.READ)
@admitted(Lane.STATUS)
def end_session() -> ResponseReturnValue:
    """End the session of the page that asks: its cookie is removed."""
    response = Response(status=204)
    _set_cookie(response, "", 0)
    return response


def _shown() -> Response:
    bounds = caller().owner.tenancy
    shown = Session(
        api_key=caller().owner.key_id,
        scope=caller().scope.value,
        collections=None if bounds.collections is None else list(bounds.collections),
        partition=bounds.partition,
        source_roots=None if bounds.roots is None else list(bounds.roots),
    )
    response = answer(shown)
    response.cache_control.no_store = True
    return response


def _set_cookie(response: Response, text: str, seconds: int) -> None:
    """Keep a cookie from scripts, from other sites, and from connections that are read on the way."""
    response.set_cookie(
        COOKIE,
        text,
        max_age=seconds,
        path=request.root_path or "/",
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
