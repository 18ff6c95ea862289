"""Routes of collections: create, show, delete."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog import audit, collections, image_queries, keyed_requests, names, tenants
from imagesearch.catalog.audit import Action
from imagesearch.catalog.collection import Collection as Stored
from imagesearch.errors import Conflict, ConflictCode, NotFound
from imagesearch.pipeline import pipeline_of
from imagesearch_api import versions
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import read_json
from imagesearch_api.http.callers import needs, owner, tenancy
from imagesearch_api.http.conditions import read_expected, tagged
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.pages import read_name_page, read_partition_page
from imagesearch_api.http.parameters import read_dry_run, read_key
from imagesearch_api.images.collection_deletion import delete_collection
from imagesearch_api.indexes import checked_index
from imagesearch_api.jobs.repeats import digest_of
from imagesearch_api.models.requests.collections import CollectionBody, RenameBody
from imagesearch_api.models.responses.collections import Collection, CollectionPage, Partition, PartitionPage
from imagesearch_api.networks import find_network
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import DRY_RUN, IF_MATCH, KEPT_KEY, LIMIT, NAME_CURSOR
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.get("/collections")
@operation({200: CollectionPage}, parameters=(LIMIT, NAME_CURSOR))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_collections() -> ResponseReturnValue:
    """List collections with the number of their images, by name."""
    limit, after = read_name_page()
    with current().catalog.transaction() as tx:
        found = tenants.page_of_collections(tx, tenancy(), after=after, limit=limit)
        counts = tenants.counts(tx, [collection.id for collection in found], tenancy())
    items = [
        Collection.of(
            collection,
            counts[collection.id],
            None,
            images_capped=tenants.is_capped(counts[collection.id], tenancy()),
        )
        for collection in found
    ]
    return answer(CollectionPage.of(items, [collection.name for collection in found], limit))


@v2.post("/collections")
@operation({201: Collection}, parameters=(KEPT_KEY,), json=CollectionBody, errors=(409,))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def create_collection() -> ResponseReturnValue:
    """Create a collection."""
    tenancy().require_whole_collections()
    body = read_json(CollectionBody)
    tenancy().require_name(body.name)
    spec = checked_index(body.index_type, body.index_params, current().search.vectors)
    network = find_network(current().jobs.workers, body.network)
    key = read_key("POST /api/v2/collections")
    with current().catalog.transaction() as tx:
        before = keyed_requests.take(tx, key, digest_of(body.model_dump(mode="json")))
        if before is not None:
            return _created(Collection.model_validate(before["collection"]), before["version"])
        collection, is_new = collections.create(
            tx,
            body.name,
            network=network,
            preprocessing=pipeline_of(network, body.pipeline, body.preprocessing),
            index_type=spec.index_type,
            index_params=dict(spec.params),
        )
        if not is_new:
            raise Conflict(f"There is a collection or alias {body.name!r} already.", ConflictCode.NAME_TAKEN)
        made, version = Collection.of(collection, 0, 0), versions.of_collection(collection)
        keyed_requests.answered(tx, key, {"collection": made.model_dump(mode="json"), "version": version})
    return _created(made, version)


def _created(made: Collection, version: str) -> Response:
    location = url_for("v2.show_collection", name=made.name)
    return tagged(answer(made, HTTPStatus.CREATED, location=location), version)


@v2.get("/collections/<name>")
@operation({200: Collection}, errors=(404,))
@needs(Scope.READ)
@admitted(Lane.READS)
def show_collection(name: str) -> ResponseReturnValue:
    """Show a collection with the exact number of its rows and of its vectors.

    Its `ETag` is the version of its name and settings alone.
    """
    return _shown(name)


def _shown(name: str) -> Response:
    with current().catalog.transaction() as tx:
        collection = tenants.collection(tx, name, tenancy())
        images = tenants.counts(tx, [collection.id], tenancy())[collection.id]
        aliases = names.aliases_of(tx, collection.id)
    # All vectors are counted, whoever's they are.
    vectors = None if tenancy().partition is not None else _vectors(collection)
    is_capped = tenants.is_capped(images, tenancy())
    shown = answer(Collection.of(collection, images, vectors, aliases, images_capped=is_capped))
    shown.set_etag(versions.of_collection(collection))
    return shown


def _vectors(collection: Stored) -> int:
    try:
        # Exact means exact: a count at bounded staleness still holds what was deleted a moment ago.
        return current().search.vectors.count(collection.vector_collection, strong=True)
    except NotFound:
        # It is made when its first job is planned.
        return 0


@v2.get("/collections/<name>/partitions")
@operation({200: PartitionPage}, parameters=(LIMIT, NAME_CURSOR), errors=(404,))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_partitions(name: str) -> ResponseReturnValue:
    """List the partitions of a collection that hold images, by name."""
    limit, after = read_partition_page()
    bound = tenancy().partition
    with current().catalog.reading() as tx:
        collection = tenants.collection(tx, name, tenancy())
        if bound is None:
            found = image_queries.partitions(tx, collection.id, after=after, limit=limit)
        else:
            # Even that there are others is beyond the reach of such a key.
            is_there = image_queries.has_partition(tx, collection.id, bound) and (after is None or bound > after)
            found = [bound] if is_there else []
    return answer(PartitionPage.of([Partition(name=one) for one in found], found, limit))


@v2.patch("/collections/<name>")
@operation({200: Collection}, parameters=(IF_MATCH,), json=RenameBody, errors=(404, 409, 412))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def rename_collection(name: str) -> ResponseReturnValue:
    """Give a collection another name; its aliases stay."""
    tenancy().require_names()
    body, expected = read_json(RenameBody), read_expected()
    with current().catalog.transaction() as tx:
        collection = collections.get_by_name(tx, name)

        def check() -> None:
            expected.check(versions.of_collection(collections.by_id(tx, collection.id)))

        if body.name == name:
            check()
        else:
            names.rename(tx, collection.id, body.name, check=check)
            renamed = {"collection": name, "name": body.name}
            audit.note(tx, Action.COLLECTION_RENAMED, owner().key_id, renamed)
    return _shown(body.name)


@v2.delete("/collections/<name>")
@operation({200: Collection, 202: None, 204: None}, parameters=(IF_MATCH, DRY_RUN), errors=(404, 409, 412))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def remove_collection(name: str) -> ResponseReturnValue:
    """Delete a collection: 204 when all of it is gone, 202 when the rest follows soon.

    A dry run shows what would be deleted.
    """
    dry_run, expected = read_dry_run(), read_expected()
    is_gone = delete_collection(current().deletes, name, owner(), expected=expected, dry_run=dry_run)
    if dry_run:
        return _shown(name)
    return "", HTTPStatus.NO_CONTENT if is_gone else HTTPStatus.ACCEPTED
