"""Admit as many requests of each kind as leave threads for the others, and turn the rest away at once.

A request gets its place before its body is read, and gives it back when its answer has been sent: neither a slow
store nor a slow sender or reader holds more threads than its lane has places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from enum import StrEnum
from functools import wraps
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, ParamSpec

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue

from imagesearch_api.http.problems import Busy
from imagesearch_api.http.request_resources import held

if TYPE_CHECKING:
    from imagesearch_api.composition import Services

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

RESERVE = 8
"""Threads beyond all lanes, for what asks no store: health, metrics, what `process` remembers, and the refusals of
those who find no place."""


class Lane(StrEnum):
    """Name a kind of request that is admitted by itself."""

    SEARCHES = "searches"
    READS = "reads"
    PICTURES = "thumbnails and comparisons"
    FILES = "files"
    CHANGES = "changes"
    SUBMISSIONS = "submissions"
    STATUS = "questions about the state of things"


class Lanes:
    """Count the requests of each kind that one process works on."""

    def __init__(self, places: Mapping[Lane, int]) -> None:
        self._most = dict(places)
        self._free = {lane: BoundedSemaphore(most) for lane, most in places.items()}

    def enter(self, lane: Lane, held: ExitStack) -> None:
        """Take a place until `held` closes.

        Raises:
            Busy: every place is taken.
        """
        if not self._free[lane].acquire(blocking=False):
            raise Busy(f"{self._most[lane]} {lane} are in flight already; try again in a moment.")
        held.callback(self._free[lane].release)


def admitted(lane: Lane) -> Callable[[View[P]], Callable[P, Response]]:
    """Make a view ask for a place in a lane before anything else, and keep it until its answer has been sent.

    The view says with `Busy` that there is none.
    """

    def decorate(view: View[P]) -> Callable[P, Response]:
        @wraps(view)
        def enter(*args: P.args, **kwargs: P.kwargs) -> Response:
            services: Services = current_app.extensions["services"]
            services.lanes.enter(lane, held(request.environ))
            return current_app.make_response(view(*args, **kwargs))

        enter.lane = lane  # type: ignore[attr-defined]
        return enter

    return decorate


def lane_of(view: Callable[..., object]) -> Lane | None:
    """Return the lane of a view; None where it is answered whatever else goes on."""
    lane: Lane | None = getattr(view, "lane", None)
    return lane
