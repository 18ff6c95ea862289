"""Serve with gunicorn's threads so that no connection takes one before the head of its request is there.

Gunicorn's own worker reads the heads of requests in its threads, waits there for bytes that do not come, and
lingers with callers that do not close, in the thread that accepts connections. Here all of that waits in its
selector: a connection costs a thread from the moment its request's head is there until the answer has been sent.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http import get_parser
from gunicorn.http.body import ChunkedReader
from gunicorn.workers.gthread import TConn, ThreadWorker
from werkzeug.wsgi import ClosingIterator

from imagesearch_api.http.origins import network_of
from imagesearch_api.server.allocator import return_freed_memory
from imagesearch_api.server.crowding import leaving
from imagesearch_api.server.descriptors import EXHAUSTED, OF_ONE_PEER, allow_many
from imagesearch_api.server.pacing import PacedSocket, bounded
from imagesearch_api.settings import ApiSettings

END_OF_HEAD = b"\r\n\r\n"
MAX_HEAD = 32 * 1024
"""Bytes within which a head has to end; a longer one is refused."""
TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
LINGER_SECONDS = 10.0
"""How long the rest of a refused body is thrown away, so that its sender reads the refusal and no reset."""
DRAIN_SECONDS = 0.1
"""How long a thread reads the rest of a short body after its answer, so that the connection can be kept."""
PIECE_BYTES = 256 * 1024
ROOM = 20
"""When as many connections are open as may be, one of so many is closed at once, of those that wait."""
PAUSE_SECONDS = 1.0
"""How long nothing is accepted when descriptors or memory are short and no connection ends."""


class Worker(ThreadWorker):  # type: ignore[misc]
    """Answer requests in threads, and wait for them in a selector."""

    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = ApiSettings()
        self._lingering: deque[TConn] = deque()
        self._local = threading.local()
        self._accepts_again = 0.0
        self._was_exhausted = False
        self._stopping = threading.Event()

    def init_process(self) -> None:
        """Begin to serve."""
        return_freed_memory()
        allow_many()
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application."""
        super().load_wsgi()
        # Another application than the API's has nobody who waits.
        services = getattr(self.wsgi, "extensions", {}).get("services")
        self._stopping = services.stopping if services is not None else self._stopping
        self.wsgi = partial(self._answer, self.wsgi)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop when what is in hand has been answered; whoever waits for something is answered now."""
        self._stopping.set()
        super().handle_exit(sig, frame)

    def _answer(self, app: Callable[..., Iterable[bytes]], environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        request = self._local.request
        announced = 0

        def begin(status: str, headers: list[tuple[str, str]], *args: Any) -> Any:
            nonlocal announced
            announced = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
            if _is_unread(request.body.reader):
                # What is left of a refused body is thrown away, and its connection with it.
                request.force_close()
            return start(status, headers, *args)

        def counted(chunks: Iterable[bytes]) -> Iterator[bytes]:
            sent = 0
            for chunk in chunks:
                sent += len(chunk)
                yield chunk
            if sent < announced and environ["REQUEST_METHOD"] != "HEAD":
                # A caller that waits for the rest would take the next answer for it.
                request.force_close()

        answer = app(environ, begin)
        # `PacedSocket.sendfile` counts the bytes of a file.
        is_file = type(answer) is environ["wsgi.file_wrapper"]
        return answer if is_file else ClosingIterator(counted(answer), getattr(answer, "close", None))

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections, or stop; nothing is accepted while descriptors or memory are short."""
        super().set_accept_enabled(enabled and time.monotonic() >= self._accepts_again)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, where there is one and a descriptor for it."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno in OF_ONE_PEER:
                return
            if error.errno not in EXHAUSTED:
                raise
            if not self._was_exhausted:
                self._was_exhausted = True
                self.log.warning("No connection can be accepted until others end: %s", error.strerror)
            self._accepts_again = time.monotonic() + PAUSE_SECONDS
            self.set_accept_enabled(False)

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection to a thread as soon as the head of its request is there."""
        if self.cfg.is_ssl:
            # Gunicorn's threads have to read what is encrypted.
            super().enqueue_req(conn)
            return
        if conn.parser is None:
            conn.sock = PacedSocket.adopt(conn.sock)
            conn.parser = get_parser(self.cfg, conn.sock, conn.client)
        conn.sock.setblocking(False)
        if self._waits(conn):
            conn.timeout = time.monotonic() + self._settings.header_timeout
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, EVENT_READ, partial(self._on_head, conn))
            return
        self._go_on(conn)

    def _on_head(self, conn: TConn, _: object) -> None:
        if not self._waits(conn):
            self.poller.unregister(conn.sock)
            self.pending_conns.remove(conn)
            self._go_on(conn)

    def _waits(self, conn: TConn) -> bool:
        """Take what has come of a head, and tell whether more may come.

        The bytes are taken out of the socket instead of peeked at: bytes that stay in it, or an end of the stream
        behind them, would wake the selector for ever.
        """
        read = conn.parser.unreader.buf
        if _is_settled(read.getvalue()):
            return False
        try:
            data = conn.sock.recv(MAX_HEAD)
        except BlockingIOError:
            return True
        except OSError:
            return False
        read.seek(0, os.SEEK_END)
        read.write(data)
        return bool(data) and not _is_settled(read.getvalue())

    def _go_on(self, conn: TConn) -> None:
        head = conn.parser.unreader.buf.getvalue()
        if END_OF_HEAD in head[:MAX_HEAD]:
            conn.data_ready = True
            # The whole head is there: a thread waits for nothing before the body.
            conn.sock.deadline = 0.0
            super().enqueue_req(conn)
        elif len(head) >= MAX_HEAD:
            with suppress(OSError):
                conn.sock.send(TOO_LONG)
            self._linger(conn)
        else:
            self._forget(conn)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Answer a request whose head was read."""
        self._local.request = req
        if isinstance(req.body.reader, ChunkedReader):
            req.body.reader.parser = bounded(req.body.reader.parser)
        conn.sock.settimeout(self._settings.send_timeout)
        conn.sock.deadline = time.monotonic() + self._settings.body_timeout
        conn.sock.begin_piece()
        try:
            return bool(super().handle_request(req, conn))
        finally:
            conn.sock.deadline = None

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        return keepalive and bool(conn.parser.finish_body(deadline=time.monotonic() + DRAIN_SECONDS))

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Keep a connection, or begin to close it."""
        if fs.cancelled() or fs.exception() is not None or fs.result():
            super().finish_request(conn, fs)
            return
        self._linger(conn)

    def _linger(self, conn: TConn) -> None:
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
        """Close the connections whose time is up, of those that wait for a head and of those that linger.

        Where as many are open as may be, the address with most of them loses some: it would keep all others out.
        """
        super().murder_pending()
        now = time.monotonic()
        while self._lingering and (self._lingering[0].timeout <= now or not self.alive):
            conn = self._lingering.popleft()
            self.poller.unregister(conn.sock)
            self._forget(conn)
        if self.nr_conns >= self.worker_connections:
            self._make_room()

    def _make_room(self) -> None:
        queues = (self._lingering, self.pending_conns, self.keepalived_conns)
        waiting = [(network_of(conn.client[0] if conn.client else ""), conn) for queue in queues for conn in queue]
        for conn in leaving(waiting, max(1, self.worker_connections // ROOM)):
            next(queue for queue in queues if conn in queue).remove(conn)
            self.poller.unregister(conn.sock)
            self._forget(conn)

    def _forget(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()
        self._accepts_again = 0.0


def _is_settled(head: bytes) -> bool:
    """Tell whether a head is whole, or too long."""
    return END_OF_HEAD in head or len(head) >= MAX_HEAD


def _is_unread(reader: Any) -> bool:
    """Tell whether some of a body was not read: a part of its length, or of its chunks."""
    return bool(getattr(reader, "length", 0) or getattr(reader, "parser", None))
