"""Send the files of images, and small versions of them: by id alone, only from within the roots."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import PurePath

from flask import Response, request, send_file
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from imagesearch.access.scopes import Scope
from imagesearch.catalog import tenants
from imagesearch.catalog.images import Image
from imagesearch.errors import NotFound, PictureRejected
from imagesearch.failures import FailureCode
from imagesearch.files.paths import facts_of, open_stored
from imagesearch.pictures.formats import INDEXED
from imagesearch.pictures.thumbnails import ThumbnailFormat
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.callers import needs, tenancy
from imagesearch_api.http.credentials import access
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.numbers import read_int
from imagesearch_api.http.parameters import read_digest
from imagesearch_api.limits import MAX_THUMBNAIL_SIZE, MIN_THUMBNAIL_SIZE, THUMBNAIL_SIZE
from imagesearch_api.openapi.operation import FILE, operation
from imagesearch_api.openapi.parameters import DIGEST, SIZE
from imagesearch_api.pictures import FileChanged
from imagesearch_api.services import current
from imagesearch_api.v2 import v2

CACHE_SECONDS = 3600
CONTENT_CACHE_SECONDS = 365 * 86_400

ANY_FILE = "application/octet-stream"
PICTURE_TYPES = (*(each.media_type for each in INDEXED.values()), ANY_FILE)


@v2.get("/images/<int:image_id>/file")
@operation({200: FILE, 206: FILE, 304: None}, errors=(404, 416), media=PICTURE_TYPES)
@needs(Scope.READ, link="file")
@admitted(Lane.FILES)
def image_file(image_id: int) -> ResponseReturnValue:
    """Send an image's file, or the range of it that is asked for."""
    image = _indexed(image_id)
    try:
        file = open_stored(image.path, current().pictures.within(tenancy()).roots)
    except PictureRejected as error:
        raise _gone(image_id, error) from error
    response: Response = send_file(
        file,
        mimetype=known.media_type if (known := INDEXED.get(image.format or "")) else ANY_FILE,
        download_name=PurePath(image.path).name,
        conditional=False,
        etag=f"{image.sha256}",
        max_age=CACHE_SECONDS,
    )
    _keep_from_others(response)
    # Werkzeug asks only paths for their size, and without it knows no ranges.
    size = facts_of(file).st_size
    response.content_length = size
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        file.close()
        raise
    return response


@v2.get("/images/<int:image_id>/thumbnail")
@operation(
    {200: FILE, 304: None}, parameters=(SIZE, DIGEST), errors=(404, 413, 415), media=("image/jpeg", "image/webp")
)
@needs(Scope.READ, link="thumbnail")
@admitted(Lane.PICTURES)
def image_thumbnail(image_id: int) -> ResponseReturnValue:
    """Send a small version of an image, as WebP to those who take it and as JPEG to others."""
    asked = request.args.get("size")
    size = read_int("size", asked, default=THUMBNAIL_SIZE, low=MIN_THUMBNAIL_SIZE, high=MAX_THUMBNAIL_SIZE)
    digest = read_digest()
    image = _indexed(image_id)
    # Those who take anything, as command lines do, get what every program reads.
    takes_webp = any(name == "image/webp" and quality > 0 for name, quality in request.accept_mimetypes)
    is_named = digest is not None and digest == image.sha256
    try:
        return _thumbnail(image, size, "WEBP" if takes_webp else "JPEG", is_named=is_named)
    except PictureRejected as error:
        raise _gone(image_id, error) from error


def _thumbnail(image: Image, size: int, file_format: ThumbnailFormat, *, is_named: bool) -> Response:
    pictures = current().pictures.within(tenancy())
    response = Response(mimetype=INDEXED[file_format].media_type)
    response.vary.add("Accept")
    try:
        pictures.require_unchanged(image)
        response.set_etag(f"{image.sha256}-{size}-{file_format.lower()}")
        response.cache_control.public = True
        # An address that names the content never leads to another one.
        response.cache_control.max_age = CONTENT_CACHE_SECONDS if is_named else CACHE_SECONDS
        response.cache_control.immutable = is_named
        _keep_from_others(response)
        # A browser that has it is told so before the picture is read.
        response.make_conditional(request)
        if response.status_code != HTTPStatus.NOT_MODIFIED:
            response.data = pictures.thumbnail(image, size, file_format)
    except FileChanged:
        # It is shown as it is now, to whoever asks and to no cache.
        response = Response(
            pictures.changed_thumbnail(image, size, file_format), mimetype=INDEXED[file_format].media_type
        )
    return response


def _indexed(image_id: int) -> Image:
    with current().catalog.reading() as tx:
        image = tenants.image(tx, image_id, tenancy())
    if image.format is None:
        raise NotFound(f"Image {image_id} has not been indexed.")
    return image


def _keep_from_others(response: Response) -> None:
    """Have caches that several people share keep nothing that was sent to one of them."""
    if access().is_on:
        response.cache_control.public = False
        response.cache_control.private = True


def _gone(image_id: int, error: PictureRejected) -> Exception:
    if error.code == FailureCode.IO_ERROR:
        return error
    return NotFound(f"The file of image {image_id} is no longer there.")
