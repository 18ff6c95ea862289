"""Read what a request makes its answer depend on: `If-Match` and `If-None-Match` (RFC 9110, section 13)."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, request

from imagesearch_api.versions import ANY_VERSION, Expected


def read_expected() -> Expected:
    """Return for which version the current request, a change, is meant.

    A header that holds no strong tag is one that nothing matches.
    """
    wanted, unwanted = request.if_match, request.if_none_match
    absent = unwanted.star_tag
    if "If-Match" not in request.headers:
        return Expected(absent=True) if absent else ANY_VERSION
    if wanted.star_tag:
        return Expected(present=True, absent=absent)
    return Expected(frozenset(wanted), absent=absent)


def tagged(response: Response, version: str) -> Response:
    """Return an answer that names the version of what it shows; without a body for a caller who has it."""
    if request.method == "GET" and request.if_none_match.contains_weak(version):
        response = Response(status=HTTPStatus.NOT_MODIFIED)
    response.set_etag(version)
    return response
