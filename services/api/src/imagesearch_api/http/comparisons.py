"""Read out of a request which two pictures are to be compared: JSON, or a multipart form."""

from __future__ import annotations

from typing import NamedTuple

from flask import request

from imagesearch_api.http.bodies import checked, expect_form, read_json
from imagesearch_api.http.fields import BadField, QueryFields
from imagesearch_api.http.form_files import read_file, receive_files
from imagesearch_api.http.numbers import whole_number
from imagesearch_api.models.requests.similarity import CompareBody, CompareForm
from imagesearch_api.search.question import Explain, Side

SIDES = (QueryFields("a"), QueryFields("b"))
"""What requests call the two."""


class Pair(NamedTuple):
    """Hold two pictures, the collection whose pipeline compares them, and what of it is to be explained."""

    sides: tuple[Side, Side]
    collection: str | None
    explain: Explain | None


def read_pair(limit: int) -> Pair:
    """Return what the current request compares, pictures of at most `limit` bytes.

    Raises:
        AtField: the body is neither JSON nor a form, status 415.
        BadField, BadFields: a field breaks its rule.
        Busy: there is no memory for the pictures in time.
        RequestEntityTooLarge: a picture is too large.
    """
    if request.is_json:
        body = read_json(CompareBody)
        sides = Side(image_id=body.a.image_id), Side(image_id=body.b.image_id)
        return Pair(sides, body.collection, body.explain)
    expect_form(or_json=True)
    receive_files(2 * limit)
    fields = {name: whole_number(text) if name in ("a", "b") else text for name, text in request.form.items()}
    form = checked(CompareForm, fields)
    return Pair((_side("a", form.a, limit), _side("b", form.b, limit)), form.collection, form.explain)


def _side(name: str, image_id: int | None, limit: int) -> Side:
    if name not in request.files:
        if image_id is None:
            raise BadField(name, "a picture as a file part, or the id of an indexed one, is expected")
        return Side(image_id=image_id)
    if image_id is not None:
        raise BadField(name, "is given once")
    return Side(data=read_file(name, limit, rule="is given once"))
