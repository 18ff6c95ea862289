"""Send answers."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response

from imagesearch_api.models.responses.base import Answer


def answer(body: Answer, status: HTTPStatus = HTTPStatus.OK, *, location: str | None = None) -> Response:
    """Return the response that carries an answer; `location` is where what was made can be asked about."""
    # The end of a line, because people read answers in terminals.
    response = Response(body.to_json() + "\n", status=status, content_type="application/json")
    if location is not None:
        response.headers["Location"] = location
    return response
