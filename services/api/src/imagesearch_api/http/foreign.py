"""Refuse what pages of other sites make the browsers of our users send.

Two ways lead such a page to an API that only its reader can reach. It may send a request whose answer it cannot
read, a form for example: the browser then says in ``Origin`` or ``Sec-Fetch-Site`` that a foreign page began it.
Or the page's own name is made to point at the reader's machine (DNS rebinding), so that page and API are one
origin to the browser: the request then has that name in ``Host``. Programs send neither ``Origin`` nor
``Sec-Fetch-Site``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, g, request

from imagesearch_api.http.fields import AtField, ForeignPage, UnknownHost
from imagesearch_api.http.origins import EVERY_ORIGIN, Authority, Origin, read_address

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({"same-origin", "none"})
"""Values of ``Sec-Fetch-Site`` in requests that the API's own pages, or the user, began."""


def guard(app: Flask, *, public_url: str, hosts: Collection[str], origins: Collection[str]) -> None:
    """Judge every request of an application before its route, or the lack of one, is looked at.

    Args:
        app: the application.
        public_url: where callers reach it; empty where that is not known.
        hosts: names that requests to a loopback address may give, besides those of loopback and of that URL.
        origins: origins whose pages may change something, besides that of the URL.
    """
    parts = urlsplit(public_url)
    public = Origin.parse(f"{parts.scheme}://{parts.netloc}")
    names = frozenset(hosts) | ({public.host} if public else set())
    allowed = frozenset(origins) | ({str(public)} if public else set())

    def judge() -> None:
        g.is_own_page = _is_own_page(public)
        if came_by_loopback(request.environ):
            _check_hosts(request.environ, names)
        if request.method not in SAFE_METHODS and EVERY_ORIGIN not in allowed:
            _check_page(allowed)

    app.before_request(judge)


def is_own_page() -> bool:
    """Tell whether the API's own page sent the current request, or one at `PUBLIC_URL`.

    Pages that `CORS_ORIGINS` names are not: they may call with a key of theirs, and not in the name of who has
    logged in here.
    """
    found: bool = g.is_own_page
    return found


def _is_own_page(public: Origin | None) -> bool:
    sent = request.headers.get("Origin")
    if sent is None:
        return request.headers.get("Sec-Fetch-Site") == "same-origin"
    own = Origin.parse(f"{request.scheme}://{request.environ.get('HTTP_HOST', '')}")
    origin = Origin.parse(sent)
    return origin is not None and origin in (own, public)


def came_by_loopback(environ: Mapping[str, Any]) -> bool:
    """Tell whether a request reached a loopback address of this machine, or may have.

    The connection has the address that was reached, even where the server listens on every address. Servers other
    than gunicorn give only the address that they listen on. Where there is no address, as for a Unix socket, the
    caller is on this machine too.
    """
    connection = environ.get("gunicorn.socket")
    place = connection.getsockname() if connection is not None else (_as_sent(environ)["SERVER_NAME"],)
    address = read_address(place[0]) if isinstance(place, tuple) else None
    return address is None or address.is_loopback


def _as_sent(environ: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the variables as they were before forwarded headers replaced them."""
    found: Mapping[str, Any] = environ.get("werkzeug.proxy_fix.orig", environ)
    return found


def _check_hosts(environ: Mapping[str, Any], names: frozenset[str]) -> None:
    """Refuse a host whose name somebody else may have pointed here.

    A page under a rebound name can send forwarded headers too, so the name that came is checked as well.

    Raises:
        AtField: the host is unknown, missing or malformed. The status is 421: the connection leads to a server
            that does not answer for the name. 403 would be about the caller, but here no caller is allowed.
    """
    for text in (_as_sent(environ).get("HTTP_HOST"), environ.get("HTTP_HOST")):
        asked = Authority.parse(text or "")
        if asked is None or not (asked.is_loopback or asked.host in names):
            raise AtField("Host", UnknownHost("This API does not answer to that name; see ALLOWED_HOSTS."))


def _check_page(allowed: frozenset[str]) -> None:
    """Refuse a request of a page whose origin is neither the API's own nor an allowed one.

    Raises:
        AtField: it is foreign; the status is 403.
    """
    sent = request.headers.get("Origin")
    if sent is None:
        if request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITES:
            raise AtField("Sec-Fetch-Site", ForeignPage("Pages of other sites may change nothing."))
        return
    origin = Origin.parse(sent)
    own = Origin.parse(f"{request.scheme}://{request.environ.get('HTTP_HOST', '')}")
    if origin is None or (origin != own and str(origin) not in allowed):
        raise AtField("Origin", ForeignPage("Pages of this origin may change nothing; see CORS_ORIGINS."))
