"""Routes that delete images: one, or many at once."""

from __future__ import annotations

from http import HTTPStatus

from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import long_json, read_json
from imagesearch_api.http.callers import needs, owner
from imagesearch_api.http.conditions import read_expected
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.parameters import read_dry_run, read_name
from imagesearch_api.images import deletion
from imagesearch_api.images.single_deletion import delete_image, delete_key, delete_path
from imagesearch_api.models.requests.images import DeletionBody
from imagesearch_api.models.responses.images import Deletion
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import DRY_RUN, IF_MATCH, KEY, PARTITION, PATH
from imagesearch_api.services import current
from imagesearch_api.v2 import v2


@v2.delete("/collections/<name>/images")
@operation({204: None}, parameters=(PATH, KEY, PARTITION, IF_MATCH, DRY_RUN), errors=(404, 409, 412))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def remove_image_by_name(name: str) -> ResponseReturnValue:
    """Delete one image by its path or key; searches find it no more. A dry run only sees that it is there."""
    named, dry_run, ports = read_name(), read_dry_run(), current().deletes
    expected = read_expected()
    if named.path is not None:
        delete_path(ports, name, named.path, owner(), dry_run=dry_run, expected=expected)
    elif named.key is not None:
        delete_key(ports, name, named.key, named.partition, owner(), dry_run=dry_run, expected=expected)
    return "", HTTPStatus.NO_CONTENT


@v2.post("/collections/<name>/images/delete")
@operation({200: Deletion, 202: Deletion}, json=DeletionBody, errors=(404, 409))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
@long_json
def remove_images(name: str) -> ResponseReturnValue:
    """Delete images by id, path, key, filter or partition: 200 when all are gone, 202 when there may be more.

    Where `next` is given the time was up before all images were looked at: the same body with it as `cursor` goes
    on from there.
    """
    body = read_json(DeletionBody)
    ports = current().deletes
    if body.ids is not None:
        done = deletion.delete_ids(ports, name, body.ids, owner(), dry_run=body.dry_run)
    elif body.paths is not None:
        done = deletion.delete_paths(ports, name, body.paths, owner(), dry_run=body.dry_run)
    elif body.keys is not None:
        done = deletion.delete_keys(ports, name, body.keys, body.partition, owner(), dry_run=body.dry_run)
    else:
        done = deletion.delete_matching(
            ports, name, body.filter, body.partition, owner(), after=int(body.cursor or 0), dry_run=body.dry_run
        )
    status = HTTPStatus.OK if done.next is None else HTTPStatus.ACCEPTED
    following = {"next": str(done.next)} if done.next is not None else {}
    return answer(Deletion(deleted=done.deleted, missing=list(done.missing), **following), status)


@v2.delete("/collections/<name>/images/<int:image_id>")
@operation({204: None}, parameters=(IF_MATCH, DRY_RUN), errors=(404, 412))
@needs(Scope.WRITE)
@admitted(Lane.CHANGES)
def remove_image(name: str, image_id: int) -> ResponseReturnValue:
    """Delete one image; searches find it no more. A dry run only sees that it is there."""
    dry_run, expected = read_dry_run(), read_expected()
    delete_image(current().deletes, name, image_id, owner(), dry_run=dry_run, expected=expected)
    return "", HTTPStatus.NO_CONTENT
