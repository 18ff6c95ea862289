"""Put the output of many processes on one stream: whole lines, each with its process' name."""

from __future__ import annotations

import os
import select
from collections import deque

WIDTH = 15
"""Columns for the name; ``extractor-query`` is the longest."""
CHUNK = 4096
"""Bytes written at once: a pipe that select calls writable takes this many (PIPE_BUF) without blocking."""
PENDING_LIMIT = 8 * 1024 * 1024
"""Bytes kept for a reader that does not read. What comes after is left out here, not in the log files."""
MAX_LINE_BYTES = 64 * 1024
"""Bytes after which a line that does not end is shown in pieces."""


class Lines:
    """Cut a stream of bytes into whole lines, whatever the pieces in which it arrives."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, without their ends."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        return [line.rstrip(b"\r") for line in lines]

    def flush(self) -> list[bytes]:
        """Return what is left when the stream ends inside a line."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


class Console:
    """Write named lines to a stream without ever waiting for whoever reads it.

    A supervisor that blocks on its own output stops reading that of its processes, and then all of them
    stop; so a reader that sleeps costs lines on the stream and nothing else.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.pending: deque[bytes] = deque()
        self._size = 0
        self._left_out = 0
        self._closed = False
        self.last_line: dict[str, str] = {}
        """The newest line of each process that is not empty."""

    def show(self, name: str, lines: list[bytes]) -> None:
        """Write lines of one process, now or as soon as somebody reads."""
        for line in filter(bytes.strip, lines):  # empty ones only set their neighbours apart
            self.last_line[name] = line.decode(errors="replace").strip()
            self._queue(f"{name:<{WIDTH}} | ".encode() + line + b"\n")
        self.drain()

    def _queue(self, line: bytes) -> None:
        if self._size + len(line) > PENDING_LIMIT:
            self._left_out += 1
            return
        if self._left_out:
            note = f"{'stack':<{WIDTH}} | {self._left_out} lines were not read in time; the log files have them\n"
            self._left_out = 0
            self._queue(note.encode())
        self.pending.append(line)
        self._size += len(line)

    def drain(self, wait_seconds: float = 0.0) -> None:
        """Write what is pending while the stream takes it; wait up to `wait_seconds` for room each time."""
        while self.pending and not self._closed:
            try:
                if not select.select([], [self._descriptor], [], wait_seconds)[1]:
                    return
                line = self.pending.popleft()
                written = os.write(self._descriptor, line[:CHUNK])
            except OSError:  # nobody reads any more: the stack goes on, its log files have everything
                self._closed = True
                return
            self._size -= written
            if written < len(line):
                self.pending.appendleft(line[written:])
