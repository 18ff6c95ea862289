"""Let bodies arrive on the disk, so that they take no memory before they are whole and memory is reserved.

Left alone, a form keeps each part of up to 500 KB in memory, and a JSON body all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any

import flask
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

MAX_PARTS = 160
"""Room for 64 pictures, a box for each, and the fields of a search."""
MAX_FIELD_BYTES = 128 * 1024
"""Limit of one field of a form; the largest fields are metadata and filters."""
MAX_URLENCODED_BYTES = 256 * 1024
"""Limit of a form without pictures, which is read whole."""
PIECE_BYTES = 256 * 1024


class FormParser(FormDataParser):
    """Read forms, those without files only if they are small."""

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> Any:
        """Return the stream, the fields and the files.

        Raises:
            RequestEntityTooLarge: the form is too large, or has too many fields.
        """
        if mimetype == "application/x-www-form-urlencoded":
            data = stream.read(MAX_URLENCODED_BYTES + 1)
            if len(data) > MAX_URLENCODED_BYTES or data.count(b"&") >= MAX_PARTS:
                raise RequestEntityTooLarge
            stream = BytesIO(data)
        return super().parse(stream, mimetype, content_length, options)


class Request(flask.Request):
    """A request whose files lie on the disk."""

    form_data_parser_class = FormParser

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._on_disk: list[IO[bytes]] = []

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        # The file has no name: nobody else can open it, and it is gone when it is closed.
        file = TemporaryFile()  # noqa: SIM115 - `close` closes it, also where the rest of its form is refused
        self._on_disk.append(file)
        return file

    def close(self) -> None:
        """Close what arrived."""
        super().close()
        for file in self._on_disk:
            file.close()


def adopt(app: flask.Flask) -> None:
    """Have the bodies of an application's requests arrive on the disk."""
    app.request_class = Request
    app.config["MAX_FORM_PARTS"] = MAX_PARTS
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_FIELD_BYTES


@contextmanager
def arrived() -> Iterator[tuple[IO[bytes], int]]:
    """Hold the body of the current request as a file, which is read from its start, and its size.

    Raises:
        RequestEntityTooLarge: it is larger than the request's limit.
    """
    with TemporaryFile() as file:
        copyfileobj(flask.request.stream, file, PIECE_BYTES)
        size = file.tell()
        file.seek(0)
        yield file, size
