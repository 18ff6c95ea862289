# Made of asynchronous/keys.py by `make client`: change that.
"""The client's methods that look after API keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imagesearch_client.blocking.calls import Calls
from imagesearch_client.keys import ApiKey
from imagesearch_client.patience import Retry
from imagesearch_client.requests import condition, given, key_header, segment

KEYS = "/api/v2/keys"


class KeyCalls(Calls):
    """Look after API keys with an admin key; a part of `Client`."""

    def keys(self) -> Iterator[ApiKey]:
        """Iterate over the API keys, those that were revoked included, page by page."""
        return self._pages(KEYS, ApiKey.parse)

    def key(self, key_id: str) -> ApiKey:
        """Return what is known of an API key."""
        return self._shown(ApiKey.parse, "GET", f"{KEYS}/{segment(key_id)}", Retry.SAFE)

    def make_key(
        self,
        name: str,
        *,
        scope: str = "read",
        collections: Sequence[str] = (),
        partition: str | None = None,
        source_roots: Sequence[str] = (),
    ) -> ApiKey:
        """Make an API key and return it with the key itself, which nobody is shown again.

        Args:
            name: what people call it.
            scope: ``read``, ``write`` or ``admin``.
            collections: what it is bound to; none is no bound.
            partition: likewise.
            source_roots: likewise, directories on the server.
        """
        bounds = given(
            collections=list(collections) or None, partition=partition, source_roots=list(source_roots) or None
        )
        body = {"name": name, "scope": scope, **bounds}
        # If its answer is lost, the second try makes no other key: the API says which one to revoke.
        return self._shown(ApiKey.parse_new, "POST", KEYS, Retry.SAFE, json=body, headers=key_header())

    def revoke_key(self, key_id: str, *, dry_run: bool = False, if_match: str | None = None) -> ApiKey:
        """Have an API key hold no more. A dry run only returns it."""
        path, params = f"{KEYS}/{segment(key_id)}", given(dry_run="true" if dry_run else None)
        headers = condition(if_match)
        retry = Retry.NEVER if headers else Retry.SAFE
        return self._shown(ApiKey.parse, "DELETE", path, retry, params=params, headers=headers)
