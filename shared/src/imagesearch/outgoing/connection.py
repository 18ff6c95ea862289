"""Ask a host outside over https.

Its name is resolved once, and the connection goes to the address that was checked: a name that changes in between
leads nowhere. Nothing here follows a redirect.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Timer
from urllib.parse import SplitResult

import structlog
from urllib3.connection import HTTPSConnection
from urllib3.response import HTTPResponse

from imagesearch.errors import UrlRefused
from imagesearch.outgoing.addresses import is_public
from imagesearch.outgoing.urls import port_of

log = structlog.get_logger()

Resolve = Callable[[str, int, float], Sequence[str]]


@dataclass(frozen=True)
class Dialler:
    """Open connections to hosts outside.

    Attributes:
        resolve: returns the addresses of a host; raises `OSError`.
        is_allowed: tells whether an address may be connected to; replaced in tests.
        context: what certificates are checked against; None for those of the system.
    """

    resolve: Resolve
    is_allowed: Callable[[str], bool] = is_public
    context: ssl.SSLContext | None = None

    @contextmanager
    def answer(
        self,
        target: SplitResult,
        deadline: float,
        *,
        method: str = "GET",
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Iterator[HTTPResponse]:
        """Yield the answer to a request, of which nothing but the head was read.

        Args:
            target: a URL that `checked_url` returned.
            deadline: moment of `time.monotonic` at which the connection is cut, whatever is on its way.
            method: of the request.
            headers: beside ``Host``.
            body: of the request.

        Raises:
            UrlRefused: the host has an address that may not be connected to.
            OSError, ValueError, HTTPError, HTTPException: it cannot be reached, or does not answer in time.
        """
        host, port = target.hostname or "", port_of(target)
        addresses = self.resolve(host, port, left(deadline))
        if not addresses or not all(self.is_allowed(address) for address in addresses):
            raise UrlRefused("its host has no public address")
        connection = HTTPSConnection(
            addresses[0],
            port,
            timeout=left(deadline),
            server_hostname=host,
            assert_hostname=host,
            ssl_context=self.context or ssl.create_default_context(),
        )
        # A timeout bounds each wait for bytes; a server that sends one at a time needs an end to all of them.
        connected: list[socket.socket] = []
        end = Timer(left(deadline), lambda: _cut(connection.sock, *connected))
        end.daemon = True
        end.start()
        try:
            connection.request(
                method,
                target._replace(scheme="", netloc="", fragment="").geturl() or "/",
                body=body,
                headers={"Host": target.netloc, **headers},
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


def left(deadline: float) -> float:
    """Return how many seconds are left.

    Raises:
        TimeoutError: none are.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time is up")
    return seconds


def _cut(*sockets: socket.socket | None) -> None:
    for connection in sockets:
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                log.info("url.closed_already", reason=str(error))
