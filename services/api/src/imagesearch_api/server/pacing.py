"""Bound what a peer that sends or takes its bytes one at a time costs."""

from __future__ import annotations

import errno
import socket
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

BYTES_A_SECOND = 64 * 1024
"""For each so many bytes of a body, its sender gets another second."""
PIECE_BYTES = 256 * 1024
"""What is sent at once, each within the socket's timeout."""


class PacedSocket(socket.socket):
    """Be the socket of a connection whose peer has to keep pace.

    Attributes:
        deadline: moment of `time.monotonic` until which bytes may be received; None for no end.
    """

    deadline: float | None = None

    @classmethod
    def adopt(cls, sock: socket.socket) -> Self:
        """Return the same socket, paced; the one given is closed."""
        family, kind, protocol = sock.family, sock.type, sock.proto
        return cls(family, kind, protocol, fileno=sock.detach())

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive some bytes.

        Raises:
            ConnectionResetError: they did not come in time; servers take this for a peer that left.
        """
        if self.deadline is None or flags:
            return super().recv(size, flags)
        usual = self.gettimeout()
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise _too_slow()
        self.settimeout(left)
        try:
            data = super().recv(size)
        except TimeoutError as error:
            raise _too_slow() from error
        finally:
            self.settimeout(usual)
        self.deadline += len(data) / BYTES_A_SECOND
        return data

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        """Send all bytes.

        Raises:
            ConnectionResetError: the peer took none of them for the socket's timeout.
        """
        view = memoryview(data).cast("B")
        try:
            for start in range(0, len(view), PIECE_BYTES):
                super().sendall(view[start : start + PIECE_BYTES], flags)
        except TimeoutError as error:
            raise _too_slow() from error

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a part of a file.

        Raises:
            ConnectionAbortedError: the file ended before `count` bytes. Whoever waits for the rest would take the
                next answer for it.
        """
        sent = super().sendfile(file, offset, count)
        if count is not None and sent < count:
            raise ConnectionAbortedError(errno.ECONNABORTED, f"the file ended {count - sent} bytes too early")
        return sent


def _too_slow() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "the peer is too slow")
