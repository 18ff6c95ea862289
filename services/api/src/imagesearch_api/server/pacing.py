"""Bound what a peer that sends or takes its bytes one at a time costs."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

BYTES_A_SECOND = 64 * 1024
"""For each so many bytes of a body, its sender gets another second."""
PIECE_BYTES = 256 * 1024
"""What a peer has to take of an answer within the socket's timeout, however small its parts are."""

MANY_PARTS, PART_BYTES = 10_000, 64
"""Parts that a chunked body may have, whatever they hold, and bytes that each more has on average. Gunicorn takes
five microseconds for each, so that a body of single bytes would cost minutes."""


class PacedSocket(socket.socket):
    """Be the socket of a connection whose peer has to keep pace.

    Attributes:
        deadline: moment of `time.monotonic` until which bytes may be received; None for no end.
    """

    deadline: float | None = None
    _taken = 0
    _waited = 0.0

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
            ConnectionResetError: the peer did not take a piece of the answer within the socket's timeout.
        """
        view = memoryview(data).cast("B")
        while view:
            part, view = view[: PIECE_BYTES - self._taken], view[PIECE_BYTES - self._taken :]
            self._send(part, flags)
            self._taken += len(part)
            if self._taken == PIECE_BYTES:
                self.begin_piece()

    def begin_piece(self) -> None:
        """Give the peer the whole timeout again, for the next piece of an answer or for another answer."""
        self._taken, self._waited = 0, 0.0

    def _send(self, part: memoryview, flags: int) -> None:
        usual = self.gettimeout()
        began = time.monotonic()
        if usual:  # Zero is a socket that does not block: gunicorn refuses malformed heads so.
            if self._waited >= usual:
                raise _too_slow()
            self.settimeout(usual - self._waited)
        try:
            super().sendall(part, flags)
        except TimeoutError as error:
            raise _too_slow() from error
        finally:
            self.settimeout(usual)
        # What the application takes to make the next part is not the peer's time.
        self._waited += time.monotonic() - began

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a part of a file, each piece within the socket's timeout, as `sendall` does.

        Raises:
            ConnectionAbortedError: the file ended before `count` bytes. Whoever waits for the rest would take the
                next answer for it.
            ConnectionResetError: the peer did not take a piece in time.
        """
        sent = 0
        while count is None or sent < count:
            most = PIECE_BYTES if count is None else min(PIECE_BYTES, count - sent)
            data = os.pread(file.fileno(), most, offset + sent)
            if not data:
                break
            self.sendall(data)
            sent += len(data)
        if count is not None and sent < count:
            raise ConnectionAbortedError(errno.ECONNABORTED, f"the file ended {count - sent} bytes too early")
        return sent


def bounded(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Pass the parts of a chunked body on.

    Raises:
        ConnectionResetError: they are many and tiny.
    """
    room = MANY_PARTS * PART_BYTES
    for part in parts:
        room += len(part) - PART_BYTES
        if room < 0:
            raise ConnectionResetError(errno.ECONNRESET, "the body comes in too many chunks")
        yield part


def _too_slow() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "the peer is too slow")
