"""Call searches with the standard library's client: what a larger one adds is not the service's time."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Final, NamedTuple
from urllib.parse import urlsplit

FOUND: Final = 10
"""Results of each search."""
_BOUNDARY = "picture-follows"


class _Answer(NamedTuple):
    status: int
    retry_after: str
    body: bytes


class Caller:
    """Hold one connection to a server that searches."""

    def __init__(self, url: str, collection: str = "") -> None:
        """Connect to nothing yet.

        Args:
            url: of the server.
            collection: of the product, that is searched.
        """
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._path = f"/api/v2/collections/{collection}/search"

    def upload(self, picture: bytes) -> None:
        """Search with an uploaded picture."""
        self._found(self._post(*_form(picture)))

    def try_upload(self, picture: bytes) -> float:
        """Search with an uploaded picture; return 0, or the seconds to wait where the load turned it away."""
        answer = self._post(*_form(picture))
        if answer.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            return float(answer.retry_after)
        self._found(answer)
        return 0.0

    def by_id(self, image_id: int) -> None:
        """Search with what is indexed."""
        self._found(self._post(json.dumps({"image_id": image_id}).encode(), "application/json"))

    def bare(self, at: int) -> None:
        """Ask the bare server to search with one of its vectors."""
        self._found(self._post(json.dumps({"at": at}).encode(), "application/json"))

    def get(self, path: str) -> str:
        """Return what is answered at a path."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"{path}: {answer.status} {text[:200]}")
        return text

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _post(self, body: bytes, kind: str) -> _Answer:
        self._connection.request("POST", self._path, body, {"Content-Type": kind})
        answer = self._connection.getresponse()
        return _Answer(answer.status, answer.getheader("Retry-After") or "1", answer.read())

    @staticmethod
    def _found(answer: _Answer) -> None:
        if answer.status != HTTPStatus.OK or len(json.loads(answer.body)["results"]) != FOUND:
            raise RuntimeError(f"a search failed: {answer.status} {answer.body[:200]!r}")


def _form(picture: bytes) -> tuple[bytes, str]:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="picture"\r\n\r\n'
    return (
        head.encode() + picture + f"\r\n--{_BOUNDARY}--\r\n".encode(),
        f"multipart/form-data; boundary={_BOUNDARY}",
    )
