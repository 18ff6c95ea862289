"""Read hosts and origins the way browsers write them, so that two spellings of one are equal."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple, Self

EVERY_ORIGIN = "*"
"""Stands for all origins."""
DEFAULT_PORTS = {"http": 80, "https": 443}
LAST_PORT = 65_535
_AUTHORITY = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


class Authority(NamedTuple):
    """Hold a host and its port; None stands for the default port of the scheme."""

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what a ``Host`` header names, in lower case and IPv6 in its short form; None for junk."""
        found = _AUTHORITY.fullmatch(text.lower())
        if found is None:
            return None
        host, port = _short(found[1]), int(found[2]) if found[2] else None
        return None if host is None or (port or 0) > LAST_PORT else cls(host, port)

    @property
    def is_loopback(self) -> bool:
        """Tell whether this host is the machine that asks, whatever a name server says.

        Browsers resolve ``localhost`` and all names below it by themselves (RFC 6761, 6.3), addresses not at all.
        """
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        address = read_address(self.host.strip("[]"))
        return address is not None and address.is_loopback


class Origin(NamedTuple):
    """Hold the scheme, host and port that pages of one origin share."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the origin that a text says (RFC 6454, 6.2); None for ``null``, for several, and for junk."""
        scheme, _, rest = text.lower().partition("://")
        authority = Authority.parse(rest)
        if authority is None or not _SCHEME.fullmatch(scheme):
            return None
        port = DEFAULT_PORTS.get(scheme) if authority.port is None else authority.port
        return cls(scheme, authority.host, port)

    def __str__(self) -> str:
        port = "" if self.port == DEFAULT_PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, an IPv4 address within IPv6 as IPv4; None where the text is no address."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found


def network_of(text: str) -> str:
    """Return the address that something came from; in IPv6 the network, of which each caller has one."""
    found = read_address(text)
    return str(IPv6Network((found, 64), strict=False) if isinstance(found, IPv6Address) else found)


def _short(host: str) -> str | None:
    if not host.startswith("["):
        return host
    try:
        return f"[{IPv6Address(host[1:-1]).compressed}]"
    except AddressValueError:
        return None
