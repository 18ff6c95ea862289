"""Judge URLs that callers name: https alone, and hosts that the operator names."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from imagesearch.errors import UrlRefused

HTTPS = 443


def checked_url(url: str, hosts: Iterable[str], *, setting: str) -> SplitResult:
    """Return the parts of a URL that may be asked.

    Args:
        url: as a caller names it.
        hosts: ``example.com``, ``example.com:8443`` or ``*.example.com``.
        setting: what names them.

    Raises:
        UrlRefused: it may not be asked.
    """
    if any(ord(character) <= 0x20 or ord(character) >= 0x7F for character in url) or "\\" in url:
        raise UrlRefused("a URL holds no spaces, control characters or backslashes; others are percent-encoded")
    try:
        target = urlsplit(url)
        host, port = host_of(target), port_of(target)
    except ValueError as error:
        raise UrlRefused("it is not a URL") from error
    if target.scheme != "https" or not host:
        raise UrlRefused("https://host/... is expected")
    if target.username is not None or target.password is not None:
        raise UrlRefused("a URL holds no user name or password")
    if not any(is_meant(pattern, host, port) for pattern in hosts):
        raise UrlRefused(f"its host is not among {setting}")
    return target


def host_of(target: SplitResult) -> str:
    """Return the name of a URL's host, as patterns have it."""
    return (target.hostname or "").rstrip(".")


def port_of(target: SplitResult) -> int:
    """Return the port of a URL over https.

    Raises:
        ValueError: it is none.
    """
    return target.port or HTTPS


def is_meant(pattern: str, host: str, port: int) -> bool:
    """Tell whether a pattern of a setting means a host."""
    name, _, allowed_port = pattern.lower().partition(":")
    if port != int(allowed_port or HTTPS):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name
