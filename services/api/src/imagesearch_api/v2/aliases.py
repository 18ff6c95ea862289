"""Routes of aliases: further names of collections, which can be moved from one to another."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog import audit, collections, names
from imagesearch.catalog.audit import Action
from imagesearch.errors import NotFound
from imagesearch_api import versions
from imagesearch_api.dry_runs import changing
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import read_json
from imagesearch_api.http.callers import needs, owner, tenancy
from imagesearch_api.http.conditions import read_expected, tagged
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.pages import checked_alias, read_name_page
from imagesearch_api.http.parameters import read_dry_run
from imagesearch_api.models.requests.collections import AliasBody
from imagesearch_api.models.responses.base import moment
from imagesearch_api.models.responses.collections import Alias, AliasPage
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import DRY_RUN, IF_ABSENT, IF_MATCH, IF_NONE_MATCH, LIMIT, NAME_CURSOR
from imagesearch_api.services import current
from imagesearch_api.v2 import v2
from imagesearch_api.versions import Expected


@v2.get("/aliases")
@operation({200: AliasPage}, parameters=(LIMIT, NAME_CURSOR))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_aliases() -> ResponseReturnValue:
    """List aliases with their collections, by name."""
    limit, after = read_name_page()
    with current().catalog.transaction() as tx:
        found = names.list_aliases(tx, after=after, limit=limit, within=tenancy().collections)
    return answer(AliasPage.of(list(map(_alias, found)), [one.alias for one in found], limit))


@v2.get("/aliases/<alias>")
@operation({200: Alias, 304: None}, parameters=(IF_NONE_MATCH,), errors=(400, 404))
@needs(Scope.READ)
@admitted(Lane.READS)
def show_alias(alias: str) -> ResponseReturnValue:
    """Show where an alias leads."""
    checked_alias(alias)
    with current().catalog.reading() as tx:
        found = names.find_alias(tx, alias)
    if found is None or not tenancy().holds_collection(found.collection):
        raise NotFound(f"There is no alias {alias!r}.")
    return tagged(answer(_alias(found)), versions.of_alias(found))


def _alias(found: names.Alias) -> Alias:
    return Alias(alias=found.alias, collection=found.collection, created_at=moment(found.created_at))


@v2.put("/aliases/<alias>")
@operation({200: Alias, 201: Alias}, parameters=(IF_MATCH, IF_ABSENT), json=AliasBody, errors=(404, 409, 412))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def put_alias(alias: str) -> ResponseReturnValue:
    """Point an alias at a collection, at once and wholly: 201 when it is new, 200 when it was moved."""
    tenancy().require_names()
    checked_alias(alias)
    body, expected = read_json(AliasBody), read_expected()
    with current().catalog.transaction() as tx:
        collection = collections.get(tx, body.collection)
        put, is_new = names.put_alias(tx, alias, collection.id, check=partial(_check, expected))
    response = answer(_alias(put), HTTPStatus.CREATED if is_new else HTTPStatus.OK)
    return tagged(response, versions.of_alias(put))


def _check(expected: Expected, found: names.Alias | None) -> None:
    expected.check(None if found is None else versions.of_alias(found))


@v2.delete("/aliases/<alias>")
@operation({200: Alias, 204: None}, parameters=(IF_MATCH, DRY_RUN), errors=(400, 404, 412))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def remove_alias(alias: str) -> ResponseReturnValue:
    """Remove an alias; its collection stays. A dry run shows where it leads."""
    tenancy().require_names()
    dry_run, expected = read_dry_run(), read_expected()
    with changing(current().catalog, dry_run=dry_run) as tx:
        removed = names.remove_alias(tx, alias, check=partial(_check, expected))
        audit.note(tx, Action.ALIAS_REMOVED, owner().key_id, {"alias": alias})
    return answer(_alias(removed)) if dry_run else ("", HTTPStatus.NO_CONTENT)
