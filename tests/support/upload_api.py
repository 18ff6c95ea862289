"""Stand in for what an API keeps of uploads: it knows contents by their digests and counts what it is asked."""

from __future__ import annotations

import hashlib
import json
from email.message import Message
from email.parser import BytesParser
from typing import Any

import httpx

from support.fake_api import FakeApi, ok, problem

IMAGES = "/api/v2/collections/default/images"


class UploadApi:
    """Take uploads behind a `FakeApi`, as the API does: the same content again is the same image.

    Attributes:
        kept: the ids of images, by the digest of their bytes.
        metadata: what was said about each, by id.
        refuses: problems to answer with, by content.
    """

    def __init__(self, api: FakeApi, max_upload_bytes: int = 1_000) -> None:
        self.api = api
        self.kept: dict[str, int] = {}
        self.metadata: dict[int, Any] = {}
        self.refuses: dict[bytes, httpx.Response] = {}
        api.on(
            "GET",
            "/api/v2/info",
            ok({"version": "1", "takes_uploads": True, "max_upload_bytes": max_upload_bytes}),
        )
        api.on("POST", f"{IMAGES}/find", self._find)
        api.on("POST", IMAGES, self._take)

    @property
    def uploads(self) -> int:
        """Count the pictures that were sent."""
        return self.api.asked.count(f"POST {IMAGES}")

    def _find(self, request: httpx.Request) -> httpx.Response:
        digests = json.loads(request.content)["sha256"]
        found = [self._image(digest) for digest in dict.fromkeys(digests) if digest in self.kept]
        return ok({"items": found, "next": None})

    def _take(self, request: httpx.Request) -> httpx.Response:
        fields = parts_of(request)
        refusal = self.refuses.get(fields["image"])
        if refusal is not None:
            return refusal
        digest = hashlib.sha256(fields["image"]).hexdigest()
        is_new = digest not in self.kept
        image_id = self.kept.setdefault(digest, len(self.kept) + 1)
        self.metadata[image_id] = json.loads(fields["metadata"]) if "metadata" in fields else None
        return ok({**self._image(digest), "searchable_at": None, "job": None}, 201 if is_new else 200)

    def _image(self, digest: str) -> dict[str, Any]:
        return {"id": self.kept[digest], "path": f"/uploads/{digest}", "sha256": digest}


def parts_of(request: httpx.Request) -> dict[str, bytes]:
    """Return the fields of a multipart form."""
    head = b"Content-Type: " + request.headers["Content-Type"].encode() + b"\r\n\r\n"
    whole = BytesParser().parsebytes(head + request.content)
    parts: list[Message] = [part for part in whole.walk() if not part.is_multipart()]
    named = {str(part.get_param("name", header="content-disposition")): part for part in parts}
    return {name: bytes(part.get_payload(decode=True)) for name, part in named.items()}


def refused(status: int, code: str) -> httpx.Response:
    return problem(status, f"it is {code}", code=code)
