"""Reads server-sent events out of bytes: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from imagesearch_client.errors import ProtocolError

EVENT_STREAM = "text/event-stream"
MAX_EVENT_BYTES = 1 << 20
"""A job is a few hundred bytes and a path; whatever never ends is not read to its end."""


class EventReader:
    """Collect bytes until they are events; only a line feed ends a line, since JSON may hold other separators."""

    def __init__(self) -> None:
        self._bytes = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Any]:
        """Yield the JSON of each event that is complete with these bytes.

        Raises:
            ProtocolError: an event is too large, or no JSON.
        """
        *lines, self._bytes = (self._bytes + chunk).split(b"\n")
        for line in lines:
            field, _, value = line.removesuffix(b"\r").partition(b":")
            if field == b"data":
                self._data.append(value.removeprefix(b" "))
                self._size += len(line)
            elif not line.strip() and self._data:
                data, self._data, self._size = b"\n".join(self._data), [], 0
                yield _json(data)
        if self._size + len(self._bytes) > MAX_EVENT_BYTES:
            raise ProtocolError(f"the API sent an event of more than {MAX_EVENT_BYTES} bytes")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise ProtocolError("the API sent an event that is not JSON") from None
