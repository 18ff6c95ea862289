"""Admit as many requests of each kind as leave threads for the others, and turn the rest away at once.

A request gets its place before its body is read, and gives it back when its answer has been sent: neither a slow
store nor a slow sender or reader holds more threads than its lane has places.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Response, current_app, g, request
from flask.typing import ResponseReturnValue

from imagesearch.metrics import LANE_REFUSALS
from imagesearch_api.access import Caller
from imagesearch_api.errors import Busy
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.origins import network_of
from imagesearch_api.http.request_resources import bounds, held

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]


def admitted(
    lane: Lane, *, unless: Callable[[], Lane | None] = lambda: None
) -> Callable[[View[P]], Callable[P, Response]]:
    """Make a view ask for a place in a lane before anything else, and keep it until its answer has been sent.

    Args:
        lane: which.
        unless: returns another one where this request is to be counted there.

    The view raises `Busy` when there is none.
    """

    def decorate(view: View[P]) -> Callable[P, Response]:
        @wraps(view)
        def enter(*args: P.args, **kwargs: P.kwargs) -> Response:
            admit(unless() or lane)
            return current_app.make_response(view(*args, **kwargs))

        enter.lane = lane  # type: ignore[attr-defined]
        return enter

    return decorate


def admit(lane: Lane) -> None:
    """Take a place in a lane for the current request, and keep it until its answer has been sent.

    Raises:
        Busy: there is none.
    """
    try:
        bounds().lanes.enter(lane, held(request.environ), caller_name())
    except Busy:
        LANE_REFUSALS.labels(lane.name.lower()).inc()
        raise


def lane_of(view: Callable[..., object]) -> Lane | None:
    """Return the lane of a view; None where it has none and is always answered."""
    lane: Lane | None = getattr(view, "lane", None)
    return lane


def caller_name() -> str:
    """Return what tells callers apart: the key, or the address where there is none."""
    # Whoever calls was judged before; what judges is imported nowhere below it.
    found = g.get("identity")
    key_id = found.owner.key_id if isinstance(found, Caller) else None
    return network_of(request.remote_addr or "") if key_id is None else f"key {key_id}"
