"""Call searches with the standard library's client: what a larger one adds is not the service's time."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlsplit

BOUNDARY = "picture-follows"


class Caller:
    """Hold one connection to the API, and search one collection."""

    def __init__(self, url: str, collection: str) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._path = f"/api/v2/collections/{collection}/search"

    def upload(self, data: bytes) -> None:
        """Search with an uploaded picture."""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="picture"\r\n\r\n'
        body = head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
        self._post(body, f"multipart/form-data; boundary={BOUNDARY}")

    def by_id(self, image_id: int) -> None:
        """Search with what is indexed."""
        self._post(json.dumps({"image_id": image_id}).encode(), "application/json")

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _post(self, body: bytes, kind: str) -> None:
        self._connection.request("POST", self._path, body, {"Content-Type": kind})
        answer = self._connection.getresponse()
        found = answer.read()
        if answer.status != HTTPStatus.OK or len(json.loads(found)["results"]) != 10:
            raise RuntimeError(f"a search failed: {answer.status} {found[:200]!r}")
