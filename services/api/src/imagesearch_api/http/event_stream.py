"""Send events to whoever listens, as browsers read them: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask import Response

from imagesearch_api.models.responses.base import Answer

EVENT_STREAM = "text/event-stream"
KEEP_ALIVE = ":\n\n"
"""A comment: nobody is told of it, but a listener that has left is noticed."""


def event(name: str, number: int, body: Answer) -> str:
    """Return one event; its JSON is one line."""
    return f"event: {name}\nid: {number}\ndata: {body.to_json()}\n\n"


def stream(events: Iterable[str]) -> Response:
    """Return the response that sends events as they come."""

    def chunks() -> Iterator[bytes]:
        for text in events:
            yield text.encode()

    response = Response(chunks(), content_type=EVENT_STREAM)
    # Proxies that collect an answer before they pass it on would keep the events back.
    response.headers["X-Accel-Buffering"] = "no"
    return response
