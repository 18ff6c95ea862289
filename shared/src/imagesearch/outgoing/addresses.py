"""Tell which addresses belong to the public internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""IPv4 behind a translator: RFC 6052 and RFC 8215."""


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet, also the IPv4 one that it may carry inside."""
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        if any(found in network for network in NAT64):
            return is_public(str(IPv4Address(int(found) & 0xFFFFFFFF)))
        inside = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inside is not None:
            return is_public(str(inside))
        if found.is_site_local:
            return False
    return found.is_global and not found.is_multicast
