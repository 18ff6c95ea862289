"""Judge what a request brings to say who sends it: an API key in a header, a session's cookie, a signed link."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Protocol

from flask import current_app, request

from imagesearch.access.keys import ID, StoredKey, Token
from imagesearch.access.scopes import Scope
from imagesearch.access.signing import is_signed, signature
from imagesearch.access.tenants import Owner
from imagesearch.errors import Forbidden, StoreUnavailable
from imagesearch_api.access import ANYONE, Access, Caller
from imagesearch_api.errors import Busy, NotAuthenticated, WrongCredentials
from imagesearch_api.http.foreign import SAFE_METHODS, came_by_loopback, is_own_page
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.origins import network_of
from imagesearch_api.http.request_resources import bounds

COOKIE = "imagesearch_session"
NEEDED = "An API key is needed: Authorization: Bearer imagesearch_..."
INVALID = "The API key is not valid."
"""Said of keys that never were, of wrong ones and of revoked ones alike."""
INVALID_SESSION = "The session has ended."
FOREIGN_SESSION = (
    "A session changes something only from the page that it belongs to; other pages and programs send a key."
)
INVALID_LINK = "The link has expired, or was not made here."


class HasAccess(Protocol):
    """Hold what tells who calls."""

    @property
    def access(self) -> Access:
        """Return it."""


def access() -> Access:
    """Return what tells who calls the application that answers the current request."""
    found: HasAccess = current_app.extensions["services"]
    return found.access


def identify(link: str | None) -> Caller:
    """Return who sent the current request.

    Raises:
        NotAuthenticated: there is no key that holds; `WrongCredentials`: what stands in for one is made up.
        Forbidden: a session is used by a page that it does not belong to.
        Busy: as many keys as may be looked up at once are.
        StoreUnavailable: Postgres does not answer, and the key is not remembered.
    """
    ports = access()
    if not ports.is_on:
        if not came_by_loopback(request.environ):
            raise NotAuthenticated("API keys are switched off, and then only a loopback address answers.")
        return ANYONE
    header = request.headers.get("Authorization")
    if header is not None:
        return _by_header(ports, header)
    if link is not None and "signature" in request.args:
        found = _by_link(ports, link)
        if found is not None:
            return found
        if COOKIE not in request.cookies:
            raise _refusal(INVALID_LINK, request.args.get("expires", ""))
    if COOKIE in request.cookies:
        return _by_cookie(ports, request.cookies[COOKIE])
    raise NotAuthenticated(NEEDED)


def _by_header(ports: Access, header: str) -> Caller:
    scheme, _, text = header.partition(" ")
    token = Token.parse(text.strip()) if scheme.lower() == "bearer" else None
    stored = _look_up(ports, token.id) if token is not None else None
    if token is None or stored is None or not stored.opens_with(token):
        raise WrongCredentials(INVALID)
    return Caller(Owner(stored.key.id, stored.key.tenancy), stored.key.scope)


def _by_cookie(ports: Access, text: str) -> Caller:
    key_id, _, rest = text.partition(".")
    expires, _, given = rest.partition(".")
    if not _is_open(ports, expires, given, "session", key_id):
        raise _refusal(INVALID_SESSION, expires)
    stored = _look_up(ports, key_id)
    if stored is None or not stored.holds:
        raise NotAuthenticated(INVALID_SESSION)
    if request.method not in SAFE_METHODS and not is_own_page():
        raise Forbidden(FOREIGN_SESSION)
    return Caller(Owner(stored.key.id, stored.key.tenancy), stored.key.scope, has_key=False)


def session_of(key_id: str) -> str:
    """Return the cookie of a session that begins now under a key."""
    ports = access()
    expires = int(time.time()) + ports.session_seconds
    made = signature(ports.secrets.current()[0], "session", key_id, expires)
    return f"{key_id}.{expires}.{made}"


def _by_link(ports: Access, kind: str) -> Caller | None:
    """Return the key that a link was signed for, allowed to read; None where it does not hold."""
    key_id, expires = request.args.get("key_id", ""), request.args.get("expires", "")
    if not ID.fullmatch(key_id) or not _is_ahead(expires):
        return None
    stored = _look_up(ports, key_id)
    if stored is None or not stored.holds:
        return None
    bound = stored.key.tenancy
    image_id, size = (request.view_args or {}).get("image_id"), request.args.get("size", "")
    given = request.args.get("signature", "")
    if not _is_open(ports, expires, given, "link", kind, image_id, size, key_id, bound.digest):
        return None
    return Caller(Owner(key_id, bound), Scope.READ, has_key=False)


def _is_open(ports: Access, expires: str, given: str, *parts: object) -> bool:
    """Tell whether something was signed here and has not expired."""
    return _is_ahead(expires) and is_signed(ports.secrets.current(), given, *parts, expires)


def _is_ahead(expires: str) -> bool:
    return _is_moment(expires) and int(expires) > time.time()


def _is_moment(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 12


def _refusal(message: str, expires: str) -> NotAuthenticated:
    """Return what refuses something signed: what has merely expired is no guess."""
    is_past = _is_moment(expires) and not _is_ahead(expires)
    return NotAuthenticated(message) if is_past else WrongCredentials(message)


def _look_up(ports: Access, key_id: str) -> StoredKey | None:
    """Return a key: as it is remembered, or as the catalogue has it where that is too long ago.

    A key that is in use is looked up again before its time is over, while what is remembered of it still holds:
    then only one request waits, and not even that one fails where the catalogue does not answer.

    Raises:
        Busy: too many wait for the catalogue already.
        StoreUnavailable: the catalogue does not answer.
    """
    remembered = ports.keys.remembered(key_id)
    if remembered is not None and not ports.keys.is_ageing(key_id):
        return remembered.key
    try:
        # These waits are bounded by themselves: whoever makes up keys keeps nobody from a place in a lane.
        with ExitStack() as place:
            bounds().lanes.enter(Lane.KEYS, place, network_of(request.remote_addr or ""))
            return ports.keys.look_up(key_id).key
    except (Busy, StoreUnavailable):
        if remembered is None:
            raise
        return remembered.key
