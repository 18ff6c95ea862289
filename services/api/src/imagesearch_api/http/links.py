"""Build the URLs under which callers reach what we name."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Self

from flask import request, url_for

from imagesearch.access.signing import signature
from imagesearch.access.tenants import Owner
from imagesearch_api.access import Access
from imagesearch_api.http.callers import owner
from imagesearch_api.http.credentials import access


@dataclass(frozen=True, slots=True)
class Stamp:
    """Sign links for a key, so that they need no key themselves: an image in a page cannot send one."""

    secret: bytes
    key_id: str
    tenancy: str
    expires: int

    @classmethod
    def now(cls, ports: Access, holder: Owner) -> Self | None:
        """Return what signs for a key; None where no links are signed."""
        if not ports.is_on or holder.key_id is None:
            return None
        # Links that are made within a while are the same, so that browsers find them in their caches.
        step = ports.link_seconds // 2
        expires = (int(time.time()) // step + 3) * step
        return cls(ports.secrets.current()[0], holder.key_id, holder.tenancy.digest, expires)

    def on(self, kind: str, image_id: int) -> str:
        """Return the query of a link to a picture in its usual size; with another one it does not hold."""
        made = signature(self.secret, "link", kind, image_id, "", self.key_id, self.tenancy, self.expires)
        return f"?key_id={self.key_id}&expires={self.expires}&signature={made}"


@dataclass(frozen=True, slots=True)
class Links:
    """Build the URLs of pictures: unique by id, on the public host.

    The parts in front of the id and behind it are looked up once, not for each of a thousand results.
    """

    file: tuple[str, str]
    thumbnail: tuple[str, str]
    stamp: Stamp | None = None

    @classmethod
    def of_request(cls, public_url: str) -> Self:
        """Return the links for the answer to the current request; without a public URL on the host it asked."""
        base = _base(public_url)
        stamp = Stamp.now(access(), owner())
        return cls(_around(base, "v2.image_file"), _around(base, "v2.image_thumbnail"), stamp)

    def file_of(self, image_id: int) -> str:
        """Return the absolute URL of a picture's file."""
        return f"{self.file[0]}{image_id}{self.file[1]}{self._signed('file', image_id)}"

    def thumbnail_of(self, image_id: int) -> str:
        """Return the absolute URL of a small version of a picture."""
        return f"{self.thumbnail[0]}{image_id}{self.thumbnail[1]}{self._signed('thumbnail', image_id)}"

    def _signed(self, kind: str, image_id: int) -> str:
        return self.stamp.on(kind, image_id) if self.stamp is not None else ""


def url_of(public_url: str, endpoint: str, **values: Any) -> str:
    """Return the absolute URL of a route, on the public host or else on the one that was asked; unsigned."""
    return _base(public_url) + url_for(endpoint, **values)


def _base(public_url: str) -> str:
    return public_url.rstrip("/") or request.host_url.rstrip("/")


def _around(base: str, endpoint: str) -> tuple[str, str]:
    before, _, behind = url_for(endpoint, image_id=0).rpartition("0")
    return base + before, behind
