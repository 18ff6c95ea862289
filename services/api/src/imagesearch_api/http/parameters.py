"""Read single parameters of queries, forms, headers and short JSON bodies."""

from __future__ import annotations

import re
from typing import Any

from flask import request

from imagesearch.catalog.jobs import IdempotencyKey, Selection
from imagesearch_api.http.bodies import checked, expect_form, has_body, parse_json, read_object
from imagesearch_api.http.callers import owner
from imagesearch_api.http.fields import BadField
from imagesearch_api.http.form_files import read_file, receive_files
from imagesearch_api.http.numbers import decimal_number, read_int
from imagesearch_api.limits import MAX_KEY_LENGTH, MAX_WAIT_SECONDS
from imagesearch_api.models.requests.images import ImageQuery, ImagesQuery, KeyQuery, NameBody, UploadBody
from imagesearch_api.models.requests.jobs import JobsQuery
from imagesearch_api.models.requests.similarity import DuplicatesQuery

_DIGEST = re.compile(r"[0-9a-f]{64}")


def read_parameter(name: str) -> str | None:
    """Return a parameter of the published interface from a JSON body, form fields or the query, whichever has it.

    Raises:
        BadField: it is no text, or the body cannot be read.
    """
    # A body that cannot be read must not be taken for none: that would mean the default table.
    body = read_object(cache=True) if request.is_json and has_body() else {}
    value = body.get(name)
    if value is None:
        value = request.values.get(name)
    if value is not None and not isinstance(value, str):
        raise BadField(name, "text is expected")
    return value or None


def read_required(name: str, rule: str) -> str:
    """Return a parameter of the published interface that has to be there; `rule` says what is expected.

    Raises:
        BadField: it is missing, no text, or the body cannot be read.
    """
    value = read_parameter(name)
    if value is None:
        raise BadField(name, rule)
    return value


def read_partition() -> str | None:
    """Return the partition that a list is restricted to; None without one.

    Raises:
        BadFields: it is not one.
    """
    text = request.args.get("partition")
    return checked(UploadBody, {"partition": text}).partition if text is not None else None


def read_images_query() -> ImagesQuery:
    """Return which images the query asks for, and what it wants to see of them.

    Raises:
        BadField, BadFields: a parameter breaks its rule.
    """
    given: dict[str, Any] = _of_query(*ImagesQuery.model_fields)
    if "filter" in given:
        given["filter"] = parse_json("filter", given["filter"])
    return checked(ImagesQuery, given)


def read_image_query() -> ImageQuery:
    """Return what the query wants to see of an image.

    Raises:
        BadFields: it is nothing that there is.
    """
    return checked(ImageQuery, _of_query("include"))


def read_digest() -> str | None:
    """Return the digest that the query names; None without one.

    Raises:
        BadField: it is no SHA-256 in hexadecimal digits.
    """
    text = request.args.get("sha256")
    if text is not None and not _DIGEST.fullmatch(text):
        raise BadField("sha256", "64 hexadecimal digits in lower case")
    return text


def read_name() -> NameBody:
    """Return the path, or the key and perhaps its partition, by which the query names an image.

    Raises:
        BadFields: there is none, or it is not one.
    """
    return checked(NameBody, _of_query("path", "key", "partition"))


def read_own_key() -> KeyQuery:
    """Return the key, and perhaps its partition, by which the query names an image.

    Raises:
        BadFields: there is none, or it is not one.
    """
    return checked(KeyQuery, _of_query("key", "partition"))


def read_dry_run() -> bool:
    """Tell whether the query asks for a dry run.

    Raises:
        BadField: it is neither true nor false.
    """
    text = request.args.get("dry_run", "false")
    if text not in ("true", "false"):
        raise BadField("dry_run", "true or false")
    return text == "true"


def _of_query(*names: str) -> dict[str, Any]:
    return {name: request.args[name] for name in names if name in request.args}


def read_duplicates_query() -> DuplicatesQuery:
    """Return which duplicates the query asks for.

    Raises:
        BadFields: a parameter breaks its rule.
    """
    given: dict[str, Any] = {
        name: request.args[name] for name in DuplicatesQuery.model_fields if name in request.args
    }
    if "max_distance" in given:
        given["max_distance"] = decimal_number(given["max_distance"])
    return checked(DuplicatesQuery, given)


def read_selection() -> Selection:
    """Return which jobs the query asks for.

    Raises:
        BadFields: a parameter breaks its rule.
    """
    given = {name: request.args[name] for name in JobsQuery.model_fields if name in request.args}
    return checked(JobsQuery, given).selection()


def read_wait() -> int | None:
    """Return for how many seconds the caller waits for a job's end; None where it asks how the job stands.

    Raises:
        BadField: it is no number in its range.
    """
    text = request.args.get("wait")
    return read_int("wait", text, default=0, low=0, high=MAX_WAIT_SECONDS) if text is not None else None


def read_key(scope: str) -> IdempotencyKey | None:
    """Return the key under which a request may be repeated; None without one.

    Under different API keys, equal ones are different.

    Raises:
        BadField: it is not one.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (key and len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise BadField("Idempotency-Key", f"1 to {MAX_KEY_LENGTH} printable ASCII characters")
    key_id = owner().key_id
    return IdempotencyKey(scope if key_id is None else f"{scope} {key_id}", key)


def read_upload(limit: int) -> tuple[bytes, UploadBody]:
    """Return the picture of a multipart form, of at most `limit` bytes, and what the form says about it.

    Raises:
        AtField: the body is no form, status 415.
        BadField, BadFields: a field breaks its rule.
        Busy: there is no memory for the picture in time.
        RequestEntityTooLarge: the picture is too large.
    """
    expect_form(or_json=False)
    receive_files(limit)
    picture = read_file("image", limit, or_json=False)
    fields: dict[str, Any] = {}
    for name, texts in request.form.lists():
        if len(texts) > 1:
            raise BadField(name, "is given once")
        match name:
            case "metadata":
                fields[name] = parse_json(name, texts[0])
            case "facts":
                fields[name] = texts[0].split(",")
            case _:
                fields[name] = texts[0]
    return picture, checked(UploadBody, fields)
