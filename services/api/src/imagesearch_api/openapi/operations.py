"""What each route takes and answers, by the name of its view; a test holds this against the routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from imagesearch_api.models.requests.collections import AliasBody, CollectionBody, ReindexBody, RenameBody
from imagesearch_api.models.requests.images import DeletionBody, ImagePatch
from imagesearch_api.models.requests.jobs import JobBody, ReconcileBody
from imagesearch_api.models.requests.search import SearchBody
from imagesearch_api.models.requests.similarity import CompareBody, DuplicatesBody
from imagesearch_api.openapi.answers import Schema, page_of, ref
from imagesearch_api.openapi.forms import COMPARE_FORM, SEARCH_FORM, UPLOAD_FORM
from imagesearch_api.openapi.parameters import (
    CURSOR,
    IDEMPOTENCY_KEY,
    LIMIT,
    MAX_DISTANCE,
    NAME_CURSOR,
    PARTITION,
    PATH,
    SIZE,
)

FILE: Schema = {}
"""Bytes, of the media types that an `Operation` names."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Describe one route.

    Attributes:
        answers: schema by status; None has no body.
        parameters: of the query and the headers; those of the path are read from the route.
        json: checks a JSON body.
        form: the schema of a multipart body; with `json`, either is taken.
        errors: statuses of problem details, besides those that any route may answer, any change, body or lane.
        media: types of what is sent where it is not JSON.
    """

    answers: Mapping[int, Schema | None]
    parameters: tuple[Schema, ...] = ()
    json: type[BaseModel] | None = None
    form: Schema | None = None
    errors: tuple[int, ...] = ()
    media: tuple[str, ...] = field(default=("application/json",))


_JOB = ref("Job")
_PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff")
_STEER = Operation({200: _JOB}, errors=(404, 409))
_DELETE = Operation({202: None, 204: None}, errors=(404,))
_PAGE = (LIMIT, CURSOR)

OPERATIONS: dict[str, Operation] = {
    "submit_job": Operation({202: _JOB}, (IDEMPOTENCY_KEY,), JobBody, errors=(400, 403, 404, 409, 413)),
    "list_jobs": Operation({200: page_of(_JOB)}, _PAGE, errors=(400,)),
    "show_job": Operation({200: _JOB}, errors=(404,)),
    "list_failures": Operation({200: page_of(ref("Failure"))}, _PAGE, errors=(400, 404)),
    "cancel_job": _STEER,
    "pause_job": _STEER,
    "resume_job": _STEER,
    "retry_job": _STEER,
    "list_duplicates": Operation({200: page_of(ref("DuplicateGroup"))}, _PAGE, errors=(400, 404, 409)),
    "list_collections": Operation({200: page_of(ref("Collection"))}),
    "create_collection": Operation({201: ref("Collection")}, json=CollectionBody, errors=(400, 409, 413)),
    "show_collection": Operation({200: ref("Collection")}, errors=(404,)),
    "rename_collection": Operation({200: ref("Collection")}, json=RenameBody, errors=(400, 404, 409, 413)),
    "remove_collection": Operation({202: None, 204: None}, errors=(404, 409)),
    "reindex_collection": Operation({202: _JOB}, json=ReindexBody, errors=(400, 404, 409, 413)),
    "list_aliases": Operation({200: page_of(ref("Alias"))}, (LIMIT, NAME_CURSOR), errors=(400,)),
    "put_alias": Operation({200: ref("Alias"), 201: ref("Alias")}, json=AliasBody, errors=(400, 404, 409, 413)),
    "remove_alias": Operation({204: None}, errors=(400, 404)),
    "search_collection": Operation(
        {200: {"anyOf": [ref("Results"), ref("BatchResults")]}},
        json=SearchBody,
        form=SEARCH_FORM,
        errors=(400, 404, 409, 413, 415),
    ),
    "show_duplicates": Operation(
        {200: page_of(ref("DuplicateGroup"))}, (*_PAGE, MAX_DISTANCE, PARTITION), errors=(400, 404, 409)
    ),
    "look_for_duplicates": Operation({202: _JOB}, json=DuplicatesBody, errors=(400, 404, 409, 413)),
    "compare_pictures": Operation(
        {200: ref("Comparison")}, json=CompareBody, form=COMPARE_FORM, errors=(400, 404, 409, 413, 415)
    ),
    "add_image": Operation(
        {200: ref("WrittenImage"), 201: ref("WrittenImage"), 202: ref("WrittenImage")},
        form=UPLOAD_FORM,
        errors=(400, 404, 409, 413, 415),
    ),
    "list_images": Operation({200: page_of(ref("Image"))}, (*_PAGE, PARTITION), errors=(400, 404)),
    "show_image": Operation({200: ref("Image")}, errors=(404,)),
    "change_image": Operation(
        {200: ref("WrittenImage"), 202: ref("WrittenImage")}, json=ImagePatch, errors=(400, 404, 409, 413)
    ),
    "remove_image": _DELETE,
    "remove_image_by_path": Operation({202: None, 204: None}, (PATH,), errors=(400, 404)),
    "remove_images": Operation(
        {200: ref("Deletion"), 202: ref("Deletion")}, json=DeletionBody, errors=(400, 404, 413)
    ),
    "image_file": Operation(
        {200: FILE, 206: FILE, 304: None}, errors=(404, 416), media=(*_PICTURE_TYPES, "application/octet-stream")
    ),
    "image_thumbnail": Operation(
        {200: FILE, 304: None}, (SIZE,), errors=(400, 404, 413, 415), media=("image/jpeg", "image/webp")
    ),
    "info": Operation({200: ref("Info")}),
    "run_reconcile": Operation({200: ref("Reconciliation")}, json=ReconcileBody, errors=(400, 413)),
    "openapi": Operation({200: {"type": "object"}}),
}
