"""Serve with gunicorn's threads in such a way that nobody holds one without a whole request.

Gunicorn's own worker reads the heads of requests in its threads, waits there for bytes that do not come, and
lingers with callers that do not close, in the thread that accepts connections. Here all of that waits in its
selector: a connection costs a thread from the moment its request's head is there until the answer has been sent.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from imagesearch_api.allocating import return_freed_memory
from imagesearch_api.pacing import PacedSocket
from imagesearch_api.settings import ApiSettings

END_OF_HEAD = b"\r\n\r\n"
LONGEST_HEAD = 32 * 1024
"""A head that is longer is read in a thread, which has a second for it."""
LINGER_SECONDS = 10.0
"""How long the rest of a refused body is thrown away, so that its sender reads the refusal and no reset."""
DRAIN_SECONDS = 0.1
"""How long a thread reads on behind an answer, where the rest of a short body saves the connection."""
PIECE_BYTES = 256 * 1024


class Worker(ThreadWorker):  # type: ignore[misc]
    """Answer requests in threads, and wait for them in a selector."""

    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = ApiSettings()
        self._lingering: deque[TConn] = deque()
        self._local = threading.local()

    def init_process(self) -> None:
        """Begin to serve."""
        return_freed_memory()
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application."""
        super().load_wsgi()
        self.wsgi = partial(self._answer, self.wsgi)

    def _answer(self, app: Callable[..., Iterable[bytes]], environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        request = self._local.request

        def begin(*args: Any, **kwargs: Any) -> Any:
            if _is_unread(request.body.reader):
                # What is left of a refused body is thrown away, and its connection with it.
                request.force_close()
            return start(*args, **kwargs)

        return app(environ, begin)

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection to a thread as soon as the head of its request is there."""
        if not isinstance(conn.sock, PacedSocket):
            conn.sock = PacedSocket.adopt(conn.sock)
        conn.sock.setblocking(False)
        if self._is_ready(conn):
            self._begin(conn)
            return
        conn.timeout = time.monotonic() + self._settings.header_timeout
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_head, conn))

    def _on_head(self, conn: TConn, _: object) -> None:
        if self._is_ready(conn):
            self.poller.unregister(conn.sock)
            self.pending_conns.remove(conn)
            self._begin(conn)

    def _begin(self, conn: TConn) -> None:
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        conn.data_ready = True
        # The head is there, but for one that is too long.
        conn.sock.deadline = time.monotonic() + 1
        super().enqueue_req(conn)

    def _is_ready(self, conn: TConn) -> bool:
        """Tell whether a thread has something to do, and ask for the next call when more has come."""
        read = conn.parser.unreader.buf.getvalue() if conn.parser is not None else b""
        try:
            coming = conn.sock.recv(LONGEST_HEAD, socket.MSG_PEEK)
        except BlockingIOError:
            coming = None
        except OSError:
            return True
        if self.cfg.is_ssl or coming == b"":
            return coming is not None
        head = read + (coming or b"")
        if END_OF_HEAD in head or len(head) >= LONGEST_HEAD:
            return True
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(coming or b"") + 1)
        return False

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Answer a request whose head was read."""
        self._local.request = req
        conn.sock.settimeout(self._settings.send_timeout)
        conn.sock.deadline = time.monotonic() + self._settings.body_timeout
        try:
            return bool(super().handle_request(req, conn))
        finally:
            conn.sock.deadline = None

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        return keepalive and bool(conn.parser.finish_body(deadline=time.monotonic() + DRAIN_SECONDS))

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Keep a connection, or take leave of it."""
        if fs.cancelled() or fs.exception() is not None or fs.result():
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            conn.sock.deadline = None
            self.poller.register(conn.sock, EVENT_READ, partial(self._on_rest, conn))
        except (OSError, ValueError):
            # The other side has left.
            self._forget(conn)
            return
        conn.timeout = time.monotonic() + (LINGER_SECONDS if self.alive else DRAIN_SECONDS)
        self._lingering.append(conn)

    def _on_rest(self, conn: TConn, _: object) -> None:
        try:
            data = conn.sock.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lingering.remove(conn)
            self.poller.unregister(conn.sock)
            self._forget(conn)

    def murder_pending(self) -> None:
        """Close the connections whose time is up, of those that wait for a head and of those that linger."""
        super().murder_pending()
        now = time.monotonic()
        while self._lingering and (self._lingering[0].timeout <= now or not self.alive):
            conn = self._lingering.popleft()
            self.poller.unregister(conn.sock)
            self._forget(conn)

    def _forget(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def _is_unread(reader: Any) -> bool:
    """Tell whether some of a body was not read: a part of its length, or of its chunks."""
    return bool(getattr(reader, "length", 0) or getattr(reader, "parser", None))
