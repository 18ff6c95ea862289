"""Routes of aliases: further names of collections, which can be moved from one to another."""

from __future__ import annotations

from http import HTTPStatus

from flask.typing import ResponseReturnValue

from imagesearch.catalog import collections, names
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import read_json
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
@admitted(Lane.READS)
def list_aliases() -> ResponseReturnValue:
    """List aliases with their collections, by name."""
    limit, after = read_alias_page()
    with current().catalog.transaction() as tx:
        found = names.list_aliases(tx, after=after, limit=limit)
    items = [Alias(alias=one.alias, collection=one.collection, created_at=moment(one.created_at)) for one in found]
    return answer(AliasPage.of(items, [one.alias for one in found], limit))


@v2.put("/aliases/<alias>")
@operation({200: Alias, 201: Alias}, json=AliasBody, errors=(404, 409))
@admitted(Lane.CHANGES)
def put_alias(alias: str) -> ResponseReturnValue:
    """Point an alias at a collection, at once and wholly: 201 when it is new, 200 when it was moved."""
    checked_alias(alias)
    body = read_json(AliasBody)
    with current().catalog.transaction() as tx:
        collection = collections.get(tx, body.collection)
        is_new = names.put_alias(tx, alias, collection.id)
    put = Alias(alias=alias, collection=collection.name)
    return answer(put, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


@v2.delete("/aliases/<alias>")
@operation({204: None}, errors=(400, 404))
@admitted(Lane.CHANGES)
def remove_alias(alias: str) -> ResponseReturnValue:
    """Remove an alias; its collection stays."""
    with current().catalog.transaction() as tx:
        names.remove_alias(tx, alias)
    return "", HTTPStatus.NO_CONTENT
