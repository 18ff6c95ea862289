"""Routes of API keys: an admin key makes, lists and revokes them, by the rules of the command on the server."""

from __future__ import annotations

from http import HTTPStatus

from flask import url_for
from flask.typing import ResponseReturnValue

from imagesearch.access.keys import ID, Token
from imagesearch.access.scopes import Scope
from imagesearch.catalog import api_keys, keyed_requests
from imagesearch.errors import Conflict, ConflictCode, Forbidden, NotFound
from imagesearch_api import versions
from imagesearch_api.dry_runs import changing
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import read_json
from imagesearch_api.http.callers import caller, needs, owner, tenancy
from imagesearch_api.http.conditions import read_expected, tagged
from imagesearch_api.http.credentials import access
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.pages import read_key_page
from imagesearch_api.http.parameters import read_dry_run, read_key
from imagesearch_api.jobs.repeats import digest_of
from imagesearch_api.models.requests.keys import KeyBody
from imagesearch_api.models.responses.keys import ApiKey, ApiKeyPage, NewApiKey
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import DRY_RUN, IF_MATCH, IF_NONE_MATCH, KEPT_KEY, LIMIT, NAME_CURSOR
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.get("/keys")
@operation({200: ApiKeyPage}, parameters=(LIMIT, NAME_CURSOR))
@needs(Scope.ADMIN)
@admitted(Lane.READS)
def list_keys() -> ResponseReturnValue:
    """List API keys by id, those that were revoked included."""
    tenancy().require_everything()
    _require_keys()
    limit, after = read_key_page()
    with current().catalog.reading() as tx:
        found = api_keys.listing(tx, after=after, limit=limit)
    return answer(ApiKeyPage.of([ApiKey.of(key) for key in found], [key.id for key in found], limit))


@v2.post("/keys")
@operation({201: NewApiKey}, parameters=(KEPT_KEY,), json=KeyBody, errors=(409,))
@needs(Scope.ADMIN)
@admitted(Lane.CHANGES)
def make_key() -> ResponseReturnValue:
    """Make an API key, and show it, this once."""
    _require_key_itself()
    body = read_json(KeyBody)
    token, repeated = Token.new(), read_key("POST /api/v2/keys")
    with current().catalog.transaction() as tx:
        before = keyed_requests.take(tx, repeated, digest_of(body.model_dump(mode="json")))
        if before is not None:
            reason = f"This request made the API key {before['id']} before, and a key is shown once."
            raise Conflict(reason, ConflictCode.SHOWN_ONCE)
        # Of the key its id alone is kept: whoever reads the catalogue must not find what opens the system.
        keyed_requests.answered(tx, repeated, {"id": token.id})
        key = api_keys.create(tx, token, body.name, body.scope, body.tenancy(), by=owner().key_id)
    # Whoever made an id up may have asked for it a moment ago.
    access().keys.forget(key.id)
    location = url_for("v2.show_key", key_id=key.id)
    made = answer(NewApiKey.of(key, key=token.reveal()), HTTPStatus.CREATED, location=location)
    return tagged(made, versions.of_key(key))


@v2.get("/keys/<key_id>")
@operation({200: ApiKey, 304: None}, parameters=(IF_NONE_MATCH,), errors=(404,))
@needs(Scope.ADMIN)
@admitted(Lane.READS)
def show_key(key_id: str) -> ResponseReturnValue:
    """Show an API key, also one that was revoked."""
    tenancy().require_everything()
    _require_keys()
    with current().catalog.reading() as tx:
        key = api_keys.get(tx, _checked(key_id))
    return tagged(answer(ApiKey.of(key)), versions.of_key(key))


@v2.delete("/keys/<key_id>")
@operation({200: ApiKey}, parameters=(IF_MATCH, DRY_RUN), errors=(404, 409, 412))
@needs(Scope.ADMIN)
@admitted(Lane.CHANGES)
def revoke_key(key_id: str) -> ResponseReturnValue:
    """Have an API key hold no more, here at once; the last admin key is left to the command on the server.

    A dry run shows the key as it is.
    """
    _require_key_itself()
    dry_run, expected, catalog = read_dry_run(), read_expected(), current().catalog
    with changing(catalog, dry_run=dry_run) as tx:
        key = api_keys.revoke(
            tx, _checked(key_id), by=owner().key_id, check=lambda found: expected.check(versions.of_key(found))
        )
    if dry_run:
        with catalog.reading() as tx:
            return answer(ApiKey.of(api_keys.get(tx, key.id)))
    access().keys.forget(key.id)
    return tagged(answer(ApiKey.of(key)), versions.of_key(key))


def _checked(key_id: str) -> str:
    """Return the id of a key, as a path has it.

    Raises:
        NotFound: no key can have it.
    """
    if not ID.fullmatch(key_id):
        raise NotFound(f"There is no API key {key_id!r}.")
    return key_id


def _require_keys() -> None:
    """Check that callers are told apart.

    Raises:
        Forbidden: they are not; what anybody here makes would hold when they are.
    """
    if not access().is_on:
        raise Forbidden("API keys are switched off here; the command on the server looks after them.")


def _require_key_itself() -> None:
    """Check that the caller may change keys.

    Raises:
        Forbidden: a bound key would make a wider one, and a session, which ends, a key that does not.
    """
    tenancy().require_everything()
    _require_keys()
    if not caller().has_key:
        raise Forbidden("Keys are made and revoked with an admin key in the header, not by a session.")
