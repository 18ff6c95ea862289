"""Routes of single images: their facts, their deletion."""

from __future__ import annotations

from http import HTTPStatus

from flask import jsonify
from flask.typing import ResponseReturnValue

from imagesearch.catalog import collections, images
from imagesearch_api.composition import current
from imagesearch_api.deleting import delete_image
from imagesearch_api.shapes import image_shape
from imagesearch_api.v2 import v2


@v2.get("/collections/<name>/images/<int:image_id>")
def show_image(name: str, image_id: int) -> ResponseReturnValue:
    """Show one image."""
    with current().catalog.transaction() as tx:
        collection = collections.get(tx, name)
        image = images.get(tx, image_id, collection_id=collection.id)
    return jsonify(image_shape(current(), name, image))


@v2.delete("/collections/<name>/images/<int:image_id>")
def remove_image(name: str, image_id: int) -> ResponseReturnValue:
    """Delete one image: 204 when its vector is gone, 202 when that follows soon."""
    is_gone = delete_image(current(), name, image_id)
    return "", HTTPStatus.NO_CONTENT if is_gone else HTTPStatus.ACCEPTED
