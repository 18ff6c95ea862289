"""Routes of single images: their facts, their files, their deletion."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import PurePath

from flask import Response, jsonify, send_file
from flask.typing import ResponseReturnValue

from imagesearch.catalog import collections, images
from imagesearch.contract import FailureCode
from imagesearch.errors import NotFound, PictureRejected
from imagesearch.sources import open_file
from imagesearch_api.composition import current
from imagesearch_api.deleting import delete_image
from imagesearch_api.shapes import image_shape
from imagesearch_api.v2 import v2

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
}


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


@v2.get("/images/<int:image_id>/file")
def image_file(image_id: int) -> ResponseReturnValue:
    """Send an image's file, by id alone: only what was indexed, only from within the roots."""
    with current().catalog.transaction() as tx:
        image = images.get(tx, image_id)
    if image.format is None:
        raise NotFound(f"Image {image_id} has not been indexed.")
    try:
        file = open_file(image.path, current().roots)
    except PictureRejected as error:
        if error.code == FailureCode.IO_ERROR:
            raise
        raise NotFound(f"The file of image {image_id} is no longer there.") from error
    response: Response = send_file(
        file,
        mimetype=MEDIA_TYPES.get(image.format, "application/octet-stream"),
        download_name=PurePath(image.path).name,
        conditional=True,
        etag=f"{image.sha256}",
        max_age=3600,
    )
    # The type is the one that the decoder found; a browser must not guess another from the bytes.
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
