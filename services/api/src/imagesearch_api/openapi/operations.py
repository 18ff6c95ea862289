"""What each route takes and answers, by the name of its view; a test holds this against the routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from imagesearch_api.models.requests.collections import AliasBody, CollectionBody, ReindexBody, RenameBody
from imagesearch_api.models.requests.images import DeletionBody, ImagePatch
from imagesearch_api.models.requests.jobs import JobBody, ReconcileBody
from imagesearch_api.models.requests.search import SearchBody
from imagesearch_api.models.requests.similarity import CompareBody, DuplicatesBody
from imagesearch_api.models.responses.base import Answer
from imagesearch_api.models.responses.collections import Alias, AliasPage, Collection, CollectionPage
from imagesearch_api.models.responses.images import Deletion, Image, ImagePage, WrittenImage
from imagesearch_api.models.responses.jobs import FailurePage, Job, JobPage
from imagesearch_api.models.responses.search import BatchResults, Results
from imagesearch_api.models.responses.similarity import Comparison, DuplicateGroupPage
from imagesearch_api.models.responses.system import Info, Reconciliation
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
from imagesearch_api.openapi.schemas import Schema

FILE: Schema = {}
"""Bytes, of the media types that an `Operation` names."""
ANYTHING: Schema = {"type": "object"}

Answered = type[Answer] | tuple[type[Answer], ...] | Schema | None
"""A model or one of several, a schema where there is no model, or None where there is no body."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Describe one route.

    Attributes:
        answers: what is answered, by status.
        parameters: of the query and the headers; those of the path are read from the route.
        json: checks a JSON body.
        form: the schema of a multipart body; with `json`, either is taken.
        errors: statuses of problem details, besides those that any route may answer, any change, body or lane.
        media: types of what is sent where it is not JSON.
    """

    answers: Mapping[int, Answered]
    parameters: tuple[Schema, ...] = ()
    json: type[BaseModel] | None = None
    form: Schema | None = None
    errors: tuple[int, ...] = ()
    media: tuple[str, ...] = field(default=("application/json",))

    def models(self) -> Iterator[type[Answer]]:
        """Return the models of all answers."""
        for answered in self.answers.values():
            if isinstance(answered, type):
                yield answered
            elif isinstance(answered, tuple):
                yield from answered


_PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff")
_STEER = Operation({200: Job}, errors=(404, 409))
_DELETE = Operation({202: None, 204: None}, errors=(404,))
_PAGE = (LIMIT, CURSOR)

OPERATIONS: dict[str, Operation] = {
    "submit_job": Operation({202: Job}, (IDEMPOTENCY_KEY,), JobBody, errors=(400, 403, 404, 409, 413)),
    "list_jobs": Operation({200: JobPage}, _PAGE, errors=(400,)),
    "show_job": Operation({200: Job}, errors=(404,)),
    "list_failures": Operation({200: FailurePage}, _PAGE, errors=(400, 404)),
    "cancel_job": _STEER,
    "pause_job": _STEER,
    "resume_job": _STEER,
    "retry_job": _STEER,
    "list_duplicates": Operation({200: DuplicateGroupPage}, _PAGE, errors=(400, 404, 409)),
    "list_collections": Operation({200: CollectionPage}),
    "create_collection": Operation({201: Collection}, json=CollectionBody, errors=(400, 409, 413)),
    "show_collection": Operation({200: Collection}, errors=(404,)),
    "rename_collection": Operation({200: Collection}, json=RenameBody, errors=(400, 404, 409, 413)),
    "remove_collection": Operation({202: None, 204: None}, errors=(404, 409)),
    "reindex_collection": Operation({202: Job}, json=ReindexBody, errors=(400, 404, 409, 413)),
    "list_aliases": Operation({200: AliasPage}, (LIMIT, NAME_CURSOR), errors=(400,)),
    "put_alias": Operation({200: Alias, 201: Alias}, json=AliasBody, errors=(400, 404, 409, 413)),
    "remove_alias": Operation({204: None}, errors=(400, 404)),
    "search_collection": Operation(
        {200: (Results, BatchResults)},
        json=SearchBody,
        form=SEARCH_FORM,
        errors=(400, 404, 409, 413, 415),
    ),
    "show_duplicates": Operation(
        {200: DuplicateGroupPage}, (*_PAGE, MAX_DISTANCE, PARTITION), errors=(400, 404, 409)
    ),
    "look_for_duplicates": Operation({202: Job}, json=DuplicatesBody, errors=(400, 404, 409, 413)),
    "compare_pictures": Operation(
        {200: Comparison}, json=CompareBody, form=COMPARE_FORM, errors=(400, 404, 409, 413, 415)
    ),
    "add_image": Operation(
        {200: WrittenImage, 201: WrittenImage, 202: WrittenImage},
        form=UPLOAD_FORM,
        errors=(400, 404, 409, 413, 415),
    ),
    "list_images": Operation({200: ImagePage}, (*_PAGE, PARTITION), errors=(400, 404)),
    "show_image": Operation({200: Image}, errors=(404,)),
    "change_image": Operation(
        {200: WrittenImage, 202: WrittenImage}, json=ImagePatch, errors=(400, 404, 409, 413)
    ),
    "remove_image": _DELETE,
    "remove_image_by_path": Operation({202: None, 204: None}, (PATH,), errors=(400, 404)),
    "remove_images": Operation({200: Deletion, 202: Deletion}, json=DeletionBody, errors=(400, 404, 413)),
    "image_file": Operation(
        {200: FILE, 206: FILE, 304: None}, errors=(404, 416), media=(*_PICTURE_TYPES, "application/octet-stream")
    ),
    "image_thumbnail": Operation(
        {200: FILE, 304: None}, (SIZE,), errors=(400, 404, 413, 415), media=("image/jpeg", "image/webp")
    ),
    "info": Operation({200: Info}),
    "run_reconcile": Operation({200: Reconciliation}, json=ReconcileBody, errors=(400, 413)),
    "openapi": Operation({200: ANYTHING}),
}
