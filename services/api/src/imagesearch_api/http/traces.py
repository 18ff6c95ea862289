"""Record each request as a part of its caller's trace."""

from __future__ import annotations

from contextlib import ExitStack

from flask import Flask, Response, g, request
from opentelemetry.trace import Status, StatusCode

from imagesearch import tracing

SERVER_ERRORS = 500


def trace_requests(app: Flask) -> None:
    """Record every request of an application, where traces are sent to somebody."""

    def begin() -> None:
        g.trace = ExitStack()
        g.span = g.trace.enter_context(tracing.request(request.headers.get(tracing.HEADER)))

    def name(response: Response) -> Response:
        if g.span is not None:
            # A path has ids in it: what has no route has no name of its own.
            route = request.url_rule.rule if request.url_rule is not None else ""
            g.span.update_name(f"{request.method} {route}".strip())
            g.span.set_attributes(
                {
                    "http.request.method": request.method,
                    "http.route": route,
                    "http.response.status_code": response.status_code,
                    "imagesearch.request": g.request_id,
                }
            )
            if response.status_code >= SERVER_ERRORS:
                g.span.set_status(Status(StatusCode.ERROR))
        return response

    def end(_: BaseException | None) -> None:
        if "trace" in g:
            g.pop("trace").close()

    app.before_request(begin)
    app.after_request(name)
    app.teardown_request(end)
