"""Read the files of a form."""

from __future__ import annotations

from os import SEEK_END

from flask import request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from imagesearch_api.http.fields import BadField
from imagesearch_api.http.request_resources import bounds, held
from imagesearch_api.limits import MAX_QUERIES

FRAMING_BYTES = 1024 * 1024
"""Bytes of a form besides its files: boundaries, headers of parts, and other fields."""


def receive_files(total: int) -> None:
    """Let the form of the current request arrive, and hold what its files take in memory until the answer is sent.

    They arrive on the disk first, so that a slow sender holds no memory.

    Raises:
        Busy: there is no memory for them in time.
        RequestEntityTooLarge: they are larger than `total` bytes together.
    """
    request.max_content_length = total + FRAMING_BYTES
    size = sum(part.stream.seek(0, SEEK_END) for _, part in request.files.items(multi=True))
    for _, part in request.files.items(multi=True):
        part.stream.seek(0)
    held(request.environ).enter_context(bounds().memory.bodies.reserved(size))


def read_files(name: str, limit: int, *, or_json: bool = True) -> list[bytes]:
    """Return the bytes of the uploaded files of one name, at least one.

    Args:
        name: of the parts.
        limit: the largest file in bytes.
        or_json: a JSON body would do as well, which the error says.

    Raises:
        BadField: there is no such part, there are too many, or one is empty.
        RequestEntityTooLarge: one is larger than `limit` bytes.
    """
    parts = request.files.getlist(name)
    if not parts:
        rule = "a file part of a multipart/form-data body is expected"
        raise BadField(name, rule + ", or a JSON body" if or_json else rule)
    if len(parts) > MAX_QUERIES:
        raise BadField(name, f"at most {MAX_QUERIES} pictures are searched by at once")
    names = [f"{name}[{index}]" for index in range(len(parts))] if len(parts) > 1 else [name]
    return [_read(field, part, limit) for field, part in zip(names, parts, strict=True)]


def read_file(name: str, limit: int, *, or_json: bool = True, rule: str = "one picture at a time") -> bytes:
    """Return the bytes of the one uploaded file of a name; `rule` says that there is one.

    Raises:
        BadField: there is no such part, there are several, or it is empty.
        RequestEntityTooLarge: it is larger than `limit` bytes.
    """
    files = read_files(name, limit, or_json=or_json)
    if len(files) > 1:
        raise BadField(name, rule)
    return files[0]


def _read(field: str, part: FileStorage, limit: int) -> bytes:
    data = part.stream.read(limit + 1)
    if len(data) > limit:
        raise RequestEntityTooLarge
    if not data:
        raise BadField(field, "the file is empty")
    return data
