"""Tell browsers what they must not do with answers, whoever made them."""

from __future__ import annotations

from flask import Flask, Response, request

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
}
"""What an answer says unless its route says otherwise, as the page's do. An answer that a browser opens as a
document runs nothing, loads nothing and stands in no frame; and no other site learns a signed URL from it. The
type of a picture is the one that the decoder found: a browser must not guess another from the bytes.

`Cross-Origin-Resource-Policy` is left out: pages of other origins may show our pictures, as the web client of the
published contract does, and whoever needs a key needs it there, too."""


def protect(app: Flask) -> None:
    """Give every answer of an application these headers; what says nothing of caches is stored in none."""

    def tell(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.path.startswith("/api/"):
            # Who asks may be known by a cookie, which a shared cache does not look at.
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.after_request(tell)
