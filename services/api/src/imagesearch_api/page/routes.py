"""Send the files of the pages. They lie in memory, so these routes need no place in a lane."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from imagesearch_api.http.callers import public
from imagesearch_api.page.assets import Asset, Assets

FOR_EVER = 365 * 24 * 3600
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""What the page may load and run: what comes from here, and no script or style that stands inside a document."""
REFERENCE_POLICY = f"{POLICY}; style-src 'self' 'unsafe-inline'"
"""Swagger UI gives its elements styles; scripts come from here alone."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def page(assets: Assets) -> Blueprint:
    """Return the routes that send the page for people who search."""
    return _page("page", "/", assets, POLICY)


def reference(assets: Assets) -> Blueprint:
    """Return the routes that send the reference of the API."""
    return _page("reference", "/reference", assets, REFERENCE_POLICY)


def _page(word: str, at: str, assets: Assets, policy: str) -> Blueprint:
    blueprint = Blueprint(word, __name__)

    @blueprint.get(at)
    @public
    def index() -> ResponseReturnValue:
        """Send the document."""
        return _sent(assets.index, policy, is_kept=False)

    @blueprint.get(f"/{word}/<version>/<name>")
    @public
    def file(version: str, name: str) -> ResponseReturnValue:
        """Send a file; for ever, where the URL says which content is meant."""
        asset = assets.files.get(name)
        if asset is None:
            raise NotFound("The page has no such file.")
        # While a new version is rolled out, an old document may ask a new process: its file is better than none.
        return _sent(asset, policy, is_kept=version == assets.version)

    return blueprint


def _sent(asset: Asset, policy: str, *, is_kept: bool) -> Response:
    takes_gzip = request.accept_encodings["gzip"] > 0
    response = Response(asset.packed if takes_gzip else asset.content, content_type=asset.media_type)
    if takes_gzip:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    # One tag a content and a coding, RFC 9110, 8.8.3.
    response.set_etag(f"{asset.etag}{'-gzip' if takes_gzip else ''}")
    if is_kept:
        response.cache_control.public = True
        response.cache_control.max_age = FOR_EVER
        response.cache_control.immutable = True
    else:
        response.cache_control.no_cache = True
    response.headers.extend(HEADERS | {"Content-Security-Policy": policy})
    response.make_conditional(request)
    return response
