"""Take or make the id of each request, and return it."""

from __future__ import annotations

from flask import Flask, Response, g, request

from imagesearch import request_id

HEADER = "X-Request-ID"


def name_requests(app: Flask) -> None:
    """Give every answer of an application an `X-Request-ID`, the caller's own where it is a sane one."""

    def begin() -> None:
        g.request_id = request_id.begin(request.headers.get(HEADER))

    def tell(response: Response) -> Response:
        response.headers[HEADER] = g.request_id
        return response

    def end(_: BaseException | None) -> None:
        request_id.end()

    app.before_request(begin)
    app.after_request(tell)
    app.teardown_request(end)
