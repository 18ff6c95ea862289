"""Fetch a picture to search by from the web, without lending the caller this machine's place in the network.

Only hosts that the operator names, only https, only public addresses. The name is resolved once and the
connection goes to the address that was checked, so that a name which changes in between leads nowhere.
Redirects pass the same checks.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from urllib.parse import SplitResult, urljoin, urlsplit

import structlog
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from imagesearch_api.errors import UrlRefused

log = structlog.get_logger()

Resolve = Callable[[str, int, float], Sequence[str]]

MAX_REDIRECTS = 3
CHUNK_BYTES = 64 * 1024
REDIRECTS = frozenset({301, 302, 303, 307, 308})
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


@dataclass(frozen=True)
class UrlFetcher:
    """Fetch what lies at a URL.

    Attributes:
        hosts: ``example.com``, ``example.com:8443`` or ``*.example.com``; without any, nothing is fetched.
        max_bytes: the largest answer that is taken.
        seconds: how long all of it may take, redirects included.
        resolve: returns the addresses of a host; raises `OSError`.
        is_allowed: tells whether an address may be connected to; replaced in tests.
        context: what certificates are checked against.
    """

    hosts: tuple[str, ...]
    max_bytes: int
    seconds: float
    resolve: Resolve
    is_allowed: Callable[[str], bool] = is_public
    context: ssl.SSLContext | None = None

    def __call__(self, url: str) -> bytes:
        """Return the bytes at a URL.

        Raises:
            UrlRefused: the URL may not be fetched, or does not answer with a file.
        """
        if not self.hosts:
            raise UrlRefused("fetching is switched off: ALLOWED_URL_HOSTS names no host")
        try:
            return self._follow(url)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            log.info("url.not_fetched", reason=repr(error))
            raise UrlRefused("nothing could be fetched from there in time") from error

    def _follow(self, url: str) -> bytes:
        deadline = time.monotonic() + self.seconds
        for _ in range(MAX_REDIRECTS + 1):
            target = _checked(url, self.hosts)
            with self._open(target, deadline) as response:
                if response.status not in REDIRECTS:
                    return self._read(response, deadline)
                url = urljoin(url, response.headers.get("Location", ""))
        raise UrlRefused(f"it redirects more than {MAX_REDIRECTS} times")

    @contextmanager
    def _open(self, target: SplitResult, deadline: float) -> Iterator[HTTPResponse]:
        host, port = target.hostname or "", target.port or 443
        left = _left(deadline)
        addresses = self.resolve(host, port, left)
        if not addresses or not all(self.is_allowed(address) for address in addresses):
            raise UrlRefused("its host has no public address")
        connection = HTTPSConnection(
            addresses[0],
            port,
            timeout=_left(deadline),
            server_hostname=host,
            assert_hostname=host,
            ssl_context=self.context or ssl.create_default_context(),
        )
        # A timeout bounds each wait for bytes; a server that sends one at a time needs an end to all of them.
        connected: list[socket.socket] = []
        end = Timer(_left(deadline), lambda: _cut(connection.sock, *connected))
        end.daemon = True
        end.start()
        try:
            headers = {"Host": target.netloc, "Accept": "image/*", "Accept-Encoding": "identity"}
            connection.request(
                "GET",
                target._replace(scheme="", netloc="", fragment="").geturl() or "/",
                headers=headers,
                preload_content=False,
                decode_content=False,
            )
            if connection.sock is not None:
                # The connection lets go of it when the answer's end is the connection's.
                connected.append(connection.sock)
            # An unread answer keeps the socket open, whatever becomes of the connection.
            with closing(connection.getresponse()) as response:
                yield response
        finally:
            end.cancel()
            connection.close()
            end.join()

    def _read(self, response: HTTPResponse, deadline: float) -> bytes:
        if response.status != 200:
            raise UrlRefused(f"it was answered with status {response.status}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise UrlRefused("it was answered compressed, which was not asked for")
        data = bytearray()
        while chunk := response.read1(CHUNK_BYTES):
            data += chunk
            if len(data) > self.max_bytes:
                raise UrlRefused(f"it is larger than {self.max_bytes} bytes")
        # A connection that was cut because the time was up reads as one that ended.
        _left(deadline)
        length = response.headers.get("Content-Length")
        if length is not None and length != str(len(data)):
            raise UrlRefused("it was cut off")
        return bytes(data)


def _checked(url: str, hosts: tuple[str, ...]) -> SplitResult:
    if any(ord(character) <= 0x20 or ord(character) >= 0x7F for character in url) or "\\" in url:
        raise UrlRefused("a URL holds no spaces, control characters or backslashes; others are percent-encoded")
    try:
        target = urlsplit(url)
        host, port = (target.hostname or "").rstrip("."), target.port or 443
    except ValueError as error:
        raise UrlRefused("it is not a URL") from error
    if target.scheme != "https" or not host:
        raise UrlRefused("https://host/... is expected")
    if target.username is not None or target.password is not None:
        raise UrlRefused("a URL holds no user name or password")
    if not any(_is_meant(pattern.lower(), host, port) for pattern in hosts):
        raise UrlRefused("its host is not among ALLOWED_URL_HOSTS")
    return target


def _is_meant(pattern: str, host: str, port: int) -> bool:
    name, _, allowed_port = pattern.partition(":")
    if port != int(allowed_port or 443):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is up")
    return left


def _cut(*sockets: socket.socket | None) -> None:
    for connection in sockets:
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                log.info("url.closed_already", reason=str(error))
