"""Build the URLs under which callers reach what we name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from flask import request, url_for


@dataclass(frozen=True, slots=True)
class Links:
    """Build the URLs of pictures: unique by id, on the public host.

    The parts in front of the id and behind it are looked up once, not for each of a thousand results.
    """

    file: tuple[str, str]
    thumbnail: tuple[str, str]

    @classmethod
    def of_request(cls, public_url: str) -> Self:
        """Return the links for the answer to the current request; without a public URL on the host it asked."""
        base = public_url.rstrip("/") or request.host_url.rstrip("/")
        return cls(_around(base, "v2.image_file"), _around(base, "v2.image_thumbnail"))

    def file_of(self, image_id: int) -> str:
        """Return the absolute URL of a picture's file."""
        return f"{self.file[0]}{image_id}{self.file[1]}"

    def thumbnail_of(self, image_id: int) -> str:
        """Return the absolute URL of a small version of a picture."""
        return f"{self.thumbnail[0]}{image_id}{self.thumbnail[1]}"


def _around(base: str, endpoint: str) -> tuple[str, str]:
    before, _, behind = url_for(endpoint, image_id=0).rpartition("0")
    return base + before, behind
