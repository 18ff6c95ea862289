"""Run the stack as a child of the demo, its output kept in a file."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Thread

from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import Layout

LOG_BYTES = 10 * 1024 * 1024
TAIL_LINES = 12
"""Enough to see what went wrong; the file has the rest."""


class StackProcess:
    """One `up` in a session of its own, so that Ctrl-C reaches it through us, in good order.

    Attributes:
        log: file that its output goes to.
    """

    def __init__(self, layout: Layout, port: int, images: Sequence[Path], weights: str) -> None:
        layout.create()
        self.log = layout.logs / "stack.log"
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._command = [sys.executable, "-P", "-m", "imagesearch_local", "up", "--data-dir", str(layout.data_dir)]
        self._command += ["--port", str(port), "--images", ":".join(map(str, images)), "--weights", weights]
        self._process: subprocess.Popen[str] | None = None
        self._copier: Thread | None = None

    def start(self) -> None:
        """Start it.

        Raises:
            OSError: its log cannot be written.
        """
        # The file is opened here: if the copying thread could not open it, the stack would wait for a reader.
        handler = RotatingFileHandler(self.log, maxBytes=LOG_BYTES, backupCount=1)
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._copier = Thread(
            target=self._copy, args=(self._process.stdout, handler), name="stack-log", daemon=True
        )
        self._copier.start()

    def _copy(self, output: Iterable[str], handler: logging.Handler) -> None:
        for line in output:
            self._tail.append(line.rstrip())
            # A full disk costs lines of the log alone: a handler reports its errors and raises none.
            handler.emit(logging.LogRecord("stack", logging.INFO, "", 0, line.rstrip(), None, None))
        handler.close()

    def raise_if_ended(self) -> None:
        """Raise StackFailed with its last lines if it runs no more."""
        status = self._process.poll() if self._process else None
        if status is None:
            return
        self._finish_copying()
        *before, reason = self._tail or ["it wrote nothing"]
        ending = [f"the system ended with status {status}: {reason}", f"all that it wrote: {self.log}"]
        raise StackFailed("\n".join([*before, *ending]))

    def wait(self) -> int:
        """Return its exit status once it has ended."""
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """End it in good order, if it runs, and wait until all of it is gone."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)  # does nothing to a process that has ended
            self._process.wait()
            self._finish_copying()

    def _finish_copying(self) -> None:
        """Wait until the last line is copied."""
        if self._copier is not None:
            self._copier.join()
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
