"""Refuse to listen where others reach an API that asks for no key."""

from __future__ import annotations

from collections.abc import Sequence

from imagesearch_api.http.origins import Authority


def check_addresses(addresses: Sequence[object], *, has_keys: bool) -> None:
    """Check that an API without keys listens on loopback addresses and Unix sockets alone.

    Args:
        addresses: as gunicorn has them: host and port, or the path of a socket; a number is an inherited one.
        has_keys: callers need an API key.

    Raises:
        SystemExit: it does not; the message says what to set.
    """
    exposed = [] if has_keys else [address for address in addresses if not _is_own(address)]
    if exposed:
        shown = ", ".join(
            f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address) for address in exposed
        )
        raise SystemExit(
            f"API_KEYS is off, and {shown} is not a loopback address: set API_KEYS=true, or listen on 127.0.0.1."
        )


def _is_own(address: object) -> bool:
    if isinstance(address, tuple):
        host = str(address[0])
        found = Authority.parse(f"[{host}]" if ":" in host else host)
        return found is not None and found.is_loopback
    return isinstance(address, str) and not address.startswith("fd://")
