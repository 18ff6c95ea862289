"""Call searches with the standard library's client: what a larger one adds is not the service's time."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlsplit

COLLECTION = "bench"
BOUNDARY = "picture-follows"
URL = f"/api/v2/collections/{COLLECTION}/search"


class Caller:
    """Hold one connection to the API."""

    def __init__(self, url: str) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=60)

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
        self._connection.request("POST", URL, body, {"Content-Type": kind})
        answer = self._connection.getresponse()
        found = answer.read()
        if answer.status != HTTPStatus.OK or len(json.loads(found)["results"]) != 10:
            raise RuntimeError(f"a search failed: {answer.status} {found[:200]!r}")
