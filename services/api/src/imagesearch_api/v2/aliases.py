"""Routes of aliases: further names of collections, which can be moved from one to another."""

from __future__ import annotations

from http import HTTPStatus

from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog import audit, collections, names
from imagesearch.catalog.audit import Action
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import read_json
from imagesearch_api.http.callers import needs, owner, tenancy
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.pages import checked_alias, read_alias_page
from imagesearch_api.models.requests.collections import AliasBody
from imagesearch_api.models.responses.base import moment
from imagesearch_api.models.responses.collections import Alias, AliasPage
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import LIMIT, NAME_CURSOR
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.get("/aliases")
@operation({200: AliasPage}, parameters=(LIMIT, NAME_CURSOR))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_aliases() -> ResponseReturnValue:
    """List aliases with their collections, by name."""
    limit, after = read_alias_page()
    with current().catalog.transaction() as tx:
        found = names.list_aliases(tx, after=after, limit=limit, within=tenancy().collections)
    items = [Alias(alias=one.alias, collection=one.collection, created_at=moment(one.created_at)) for one in found]
    return answer(AliasPage.of(items, [one.alias for one in found], limit))


@v2.put("/aliases/<alias>")
@operation({200: Alias, 201: Alias}, json=AliasBody, errors=(404, 409))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def put_alias(alias: str) -> ResponseReturnValue:
    """Point an alias at a collection, at once and wholly: 201 when it is new, 200 when it was moved."""
    tenancy().require_names()
    checked_alias(alias)
    body = read_json(AliasBody)
    with current().catalog.transaction() as tx:
        collection = collections.get(tx, body.collection)
        is_new = names.put_alias(tx, alias, collection.id)
    put = Alias(alias=alias, collection=collection.name)
    return answer(put, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


@v2.delete("/aliases/<alias>")
@operation({204: None}, errors=(400, 404))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def remove_alias(alias: str) -> ResponseReturnValue:
    """Remove an alias; its collection stays."""
    tenancy().require_names()
    with current().catalog.transaction() as tx:
        names.remove_alias(tx, alias)
        audit.note(tx, Action.ALIAS_REMOVED, owner().key_id, {"alias": alias})
    return "", HTTPStatus.NO_CONTENT
