"""Routes of single images: add, list, show, change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.catalog import tenants
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.images import Image as Row
from imagesearch.catalog.jobs import provenance
from imagesearch.catalog.states import ImageState
from imagesearch.contract import Vectors
from imagesearch_api import versions
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import read_json
from imagesearch_api.http.callers import needs, owner, tenancy
from imagesearch_api.http.conditions import read_expected, tagged
from imagesearch_api.http.fields import naming_picture
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.links import Links
from imagesearch_api.http.pages import read_limit
from imagesearch_api.http.parameters import (
    read_image_query,
    read_images_query,
    read_key,
    read_own_key,
    read_upload,
)
from imagesearch_api.images.browsing import browse
from imagesearch_api.images.find import find_uploads
from imagesearch_api.images.labels import LabelsUpdate, update_labels
from imagesearch_api.images.own_keys import image_of_key
from imagesearch_api.images.repeated_upload import digest_of_upload, upload_once
from imagesearch_api.images.upload import upload
from imagesearch_api.images.write import WriteResult
from imagesearch_api.models.requests.images import FindBody, ImagePatch
from imagesearch_api.models.responses.images import Image, ImagePage, ShownImage, WrittenImage
from imagesearch_api.openapi.forms import UPLOAD_FORM
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import (
    IF_MATCH,
    IF_NONE_MATCH,
    IMAGE_INCLUDE,
    IMAGE_SELECTION,
    KEPT_KEY,
    OWN_KEY,
    PARTITION,
)
from imagesearch_api.search.stored_vectors import stored_vectors
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.post("/collections/<name>/images")
@operation(
    {200: WrittenImage, 201: WrittenImage, 202: WrittenImage},
    parameters=(KEPT_KEY,),
    form=UPLOAD_FORM,
    errors=(404, 409),
)
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def add_image(name: str) -> ResponseReturnValue:
    """Add a picture: 201 when it can be searched, 200 when it was there, 202 when it follows soon."""
    key = read_key(f"POST /api/v2/collections/{name}/images")
    data, body = read_upload(current().settings.max_upload_bytes)
    with naming_picture("image"):
        said = body.partition, body.metadata
        more: dict[str, Any] = {"own_key": body.key, "facts": body.facts}
        make = partial(upload, current().writes, name, data, *said, owner=owner(), **more)
        digest = digest_of_upload(data, *said, more)
        done = upload_once(current().writes, name, owner(), make, key=key, digest=digest)
    location = url_for("v2.show_image", name=name, image_id=done.image.id)
    return _written(name, done, location)


@v2.get("/collections/<name>/images")
@operation({200: ImagePage}, parameters=IMAGE_SELECTION, errors=(404,))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_images(name: str) -> ResponseReturnValue:
    """List images of a collection: those that are indexed, or what the query asks for.

    By path below a `path_prefix`, by the time of their rows where that is asked for, and by id otherwise, which is
    so in each partition. Whatever else is asked for is looked at image by image, 5,000 in one request at most: a
    page may hold fewer than asked for, even none, and `next` all the same.
    """
    limit, asked = read_limit(), read_images_query()
    wanted = asked.selection(tenancy().partition_of(asked.partition))
    with current().catalog.reading() as tx:
        collection = tenants.collection(tx, name, tenancy())
        found = browse(tx, collection.id, wanted, cursor=asked.cursor, limit=limit)
    vectors = _vectors(collection, found.images, asked.include)
    return answer(ImagePage(items=_shown(found.images, collection, vectors), next=found.next))


@v2.post("/collections/<name>/images/find")
@operation({200: ImagePage}, json=FindBody, errors=(404, 409))
@needs(Scope.READ)
@admitted(Lane.READS)
def find_images(name: str) -> ResponseReturnValue:
    """List the images that were uploaded with these contents, so that nobody uploads them again.

    Of the named partition, or of none, as an upload goes there; not what was indexed from a directory.
    """
    body = read_json(FindBody)
    partition = tenancy().partition_of(body.partition) or ""
    with current().catalog.reading() as tx:
        collection = tenants.collection(tx, name, tenancy())
        found = find_uploads(tx, current().writes.uploads, collection, body.sha256, partition)
    return answer(ImagePage(items=_shown(found, collection), next=None))


def _vectors(collection: Collection, images: Sequence[Row], include: Sequence[str]) -> Mapping[int, Vectors]:
    """Return the vectors of images, by id, where they are asked for."""
    indexed = [image for image in images if image.state == ImageState.INDEXED]
    if "vector" not in include or not indexed:
        return {}
    ports = current().search
    return stored_vectors(ports.catalog, ports.vectors, collection, indexed, needs_all=False)


@v2.patch("/collections/<name>/images/<int:image_id>")
@operation({200: WrittenImage, 202: WrittenImage}, parameters=(IF_MATCH,), json=ImagePatch, errors=(404, 409, 412))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def change_image(name: str, image_id: int) -> ResponseReturnValue:
    """Change an image's metadata, partition or key: 200 when searches see it, 202 when they will soon."""
    body = read_json(ImagePatch)
    update = LabelsUpdate(body.metadata, body.empties, body.partition, body.key)
    done = update_labels(current().writes, name, image_id, update, owner(), expected=read_expected())
    return _written(name, done)


@v2.patch("/collections/<name>/images")
@operation(
    {200: WrittenImage, 202: WrittenImage},
    parameters=(OWN_KEY, PARTITION, IF_MATCH),
    json=ImagePatch,
    errors=(404, 409, 412),
)
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def change_image_by_key(name: str) -> ResponseReturnValue:
    """Change the metadata, partition or key of the image that has a key, as by its id."""
    named, body = read_own_key(), read_json(ImagePatch)
    update = LabelsUpdate(body.metadata, body.empties, body.partition, body.key)
    with current().catalog.reading() as tx:
        collection = tenants.collection(tx, name, tenancy())
        image = image_of_key(tx, collection, named.key, named.partition, tenancy())
    return _written(
        name, update_labels(current().writes, name, image.id, update, owner(), expected=read_expected())
    )


def _links() -> Links:
    return Links.of_request(current().settings.public_url)


def _shown(rows: Iterable[Row], home: Collection, vectors: Mapping[int, Vectors] | None = None) -> list[Image]:
    links, shown = _links(), vectors or {}
    return [Image.of(row, home.name, links.file_of(row.id), shown.get(row.id)) for row in rows]


def _written(name: str, done: WriteResult, location: str | None = None) -> Response:
    written = WrittenImage.written(
        done.image,
        name,
        _links().file_of(done.image.id),
        searchable_at=done.searchable_at,
        job=done.job_id,
    )
    response = answer(written, _status(done), location=location)
    # What is still to be written has no version that anybody could read yet.
    return response if done.searchable_at is None else tagged(response, versions.of_image(done.image))


def _status(done: WriteResult) -> HTTPStatus:
    if done.searchable_at is None:
        return HTTPStatus.ACCEPTED
    return HTTPStatus.CREATED if done.is_new else HTTPStatus.OK


@v2.get("/collections/<name>/images/<int:image_id>")
@operation({200: ShownImage, 304: None}, parameters=(IMAGE_INCLUDE, IF_NONE_MATCH), errors=(404,))
@needs(Scope.READ)
@admitted(Lane.READS)
def show_image(name: str, image_id: int) -> ResponseReturnValue:
    """Show one image."""
    with current().catalog.reading() as tx:
        collection = tenants.collection(tx, name, tenancy())
        image = tenants.image(tx, image_id, tenancy(), home=collection)
        job = provenance.job_of(tx, image, owner())
    include = read_image_query().include
    vector = _vectors(collection, [image], include).get(image.id)
    shown = answer(ShownImage.shown(image, name, _links().file_of(image.id), job, vector))
    # The vector is another one under another network.
    return shown if include else tagged(shown, versions.of_image(image))
