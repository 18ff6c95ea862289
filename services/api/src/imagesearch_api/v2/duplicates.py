"""Routes of likeness: duplicates within a collection, and two pictures compared."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any

from flask import jsonify, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from imagesearch.catalog.images import Image
from imagesearch.similarity import Group
from imagesearch_api.composition import Services, current
from imagesearch_api.http.admission import Lane, admitted
from imagesearch_api.http.links import image_url
from imagesearch_api.http.pages import MAX_NUMBER, checked_job, read_page
from imagesearch_api.http.parsing import read_pictures
from imagesearch_api.http.problems import BadField
from imagesearch_api.models.requests import (
    FRAMING_BYTES,
    Body,
    CollectionName,
    Partition,
    expect_form,
    hold_files,
    read_json,
)
from imagesearch_api.models.responses import job_shape
from imagesearch_api.search.comparison import Side, compare
from imagesearch_api.search.duplicates import (
    DEFAULT_DISTANCE,
    Page,
    duplicates_now,
    duplicates_of_job,
    submit_duplicates,
)
from imagesearch_api.search.timings import Timings
from imagesearch_api.v2 import v2

_DISTANCE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,40})?([eE]-?[0-9]{1,3})?")

Distance = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class DuplicatesBody(Body):
    """What POST /collections/{name}/duplicates takes."""

    max_distance: Distance = DEFAULT_DISTANCE
    partition: Partition | None = None


class SideBody(Body):
    """One of two indexed pictures to compare."""

    image_id: Annotated[int, Field(ge=1, le=MAX_NUMBER)]


class CompareBody(Body):
    """What POST /compare takes as JSON."""

    a: SideBody
    b: SideBody
    collection: CollectionName | None = None


class CompareForm(Body):
    """What POST /compare takes as form fields, beside files."""

    a: Annotated[int, Field(ge=1, le=MAX_NUMBER)] | None = None
    b: Annotated[int, Field(ge=1, le=MAX_NUMBER)] | None = None
    collection: CollectionName | None = None


@v2.get("/collections/<name>/duplicates")
@admitted(Lane.SUBMISSIONS)
def show_duplicates(name: str) -> ResponseReturnValue:
    """Find groups of like pictures at once; a large collection is refused, and needs a job."""
    limit, cursor = read_page()
    given = {name: request.args[name] for name in ("max_distance", "partition") if name in request.args}
    body = DuplicatesBody.model_validate({key: _typed(key, text) for key, text in given.items()})
    page = duplicates_now(
        current(),
        name,
        max_distance=body.max_distance,
        partition=body.partition,
        limit=limit,
        after=cursor or 0,
    )
    return jsonify(_shape(current(), page))


@v2.post("/collections/<name>/duplicates")
@admitted(Lane.SUBMISSIONS)
def look_for_duplicates(name: str) -> ResponseReturnValue:
    """Take a job that looks for groups of like pictures, and answer before its work begins."""
    body = read_json(DuplicatesBody)
    job = submit_duplicates(current(), name, max_distance=body.max_distance, partition=body.partition, origin="v2")
    location = url_for("v2.show_job", job_id=job.id)
    return jsonify(job_shape(job.progress())), HTTPStatus.ACCEPTED, {"Location": location}


@v2.get("/jobs/<job_id>/duplicates")
@admitted(Lane.READS)
def list_duplicates(job_id: str) -> ResponseReturnValue:
    """List the groups that a job has found."""
    limit, cursor = read_page()
    page = duplicates_of_job(current(), checked_job(job_id), limit=limit, after=cursor or 0)
    return jsonify(_shape(current(), page))


@v2.post("/compare")
@admitted(Lane.PICTURES)
def compare_pictures() -> ResponseReturnValue:
    """Tell how far two pictures lie from each other."""
    timings = Timings()
    sides, collection = _sides_in_json() if request.is_json else _sides_in_form()
    found = compare(current(), sides, collection, timings)
    return jsonify(
        {"distance": found.distance, "same_content": found.same_content, "took_ms": timings.with_total()}
    )


def _sides_in_json() -> tuple[tuple[Side, Side], str | None]:
    body = read_json(CompareBody)
    return (Side("a", image_id=body.a.image_id), Side("b", image_id=body.b.image_id)), body.collection


def _sides_in_form() -> tuple[tuple[Side, Side], str | None]:
    expect_form(or_json=True)
    limit = current().settings.max_upload_bytes
    request.max_content_length = 2 * limit + FRAMING_BYTES
    hold_files()
    fields = {name: _number(text) if name in ("a", "b") else text for name, text in request.form.items()}
    body = CompareForm.model_validate(fields)
    first, second = _side("a", body.a, limit), _side("b", body.b, limit)
    return (first, second), body.collection


def _side(name: str, image_id: int | None, limit: int) -> Side:
    if name not in request.files:
        if image_id is None:
            raise BadField(name, "a picture as a file part, or the id of an indexed one, is expected")
        return Side(name, image_id=image_id)
    pictures = read_pictures(name, limit)
    if image_id is not None or len(pictures) > 1:
        raise BadField(name, "is given once")
    return Side(name, data=pictures[0])


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else text


def _typed(name: str, text: str) -> float | str:
    return float(text) if name == "max_distance" and _DISTANCE.fullmatch(text) else text


def _shape(services: Services, page: Page) -> dict[str, Any]:
    items = [_group_shape(services, group, page.images) for group in page.groups]
    return {"items": items, "next": str(page.next) if page.next is not None else None}


def _group_shape(services: Services, group: Group, rows: dict[int, Image]) -> dict[str, Any]:
    """Return a group as JSON: ``exact`` where all files hold the same bytes."""
    is_exact = len({rows[image_id].sha256 for image_id in group.members}) == 1
    return {
        "id": group.id,
        "kind": "exact" if is_exact else "near",
        "images": [
            {
                "id": image_id,
                "path": rows[image_id].path,
                "url": image_url(services, image_id),
                "distance": distance,
                "sha256": rows[image_id].sha256,
                "bytes": rows[image_id].size_bytes,
                "width": rows[image_id].width,
                "height": rows[image_id].height,
                "partition": rows[image_id].partition,
            }
            for image_id, distance in group.members.items()
        ],
    }
