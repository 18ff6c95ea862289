"""Where the API is, and as whom it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from imagesearch_client.errors import ClientError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Address:
    """Hold the URL of one API and the header that says who asks."""

    url: httpx.URL
    headers: dict[str, str] = field(repr=False)

    @classmethod
    def of(cls, base_url: str, api_key: str | None) -> Self:
        """Check a URL and a key.

        Raises:
            ClientError: the URL is not one of HTTP, or no header can hold the key.
        """
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL as reason:
            raise ClientError(f"{base_url!r} is not a URL: {reason}") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise ClientError(f"{base_url!r} is not an http:// or https:// URL")
        return cls(url, {"Accept": "application/json", **_authorization(api_key, url)})

    @property
    def shown(self) -> str:
        """Return the URL as errors show it: without a password."""
        return str(self.url.copy_with(userinfo=b""))

    def options(self, timeout: float) -> dict[str, Any]:
        """Return what httpx is to be told; no answer is waited for longer than `timeout` seconds."""
        return {
            "base_url": self.url,
            "timeout": httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
            "headers": self.headers,
            # A proxy of the environment cannot reach this machine's own loopback.
            "trust_env": self.url.host not in LOOPBACK,
        }


def _authorization(api_key: str | None, url: httpx.URL) -> dict[str, str]:
    if api_key is None:
        return {}
    # Errors are shown and logged: none of them holds the key.
    if not api_key or not all("!" <= letter <= "~" for letter in api_key):
        raise ClientError("the API key is not one: it is empty, or holds blanks or letters beyond ASCII")
    if url.userinfo:
        raise ClientError("an API key and a password in the URL go in the same header; give one of them")
    return {"Authorization": f"Bearer {api_key}"}
