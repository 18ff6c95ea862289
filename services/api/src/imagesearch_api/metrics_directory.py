"""Give the worker processes of one gunicorn a directory, in which each keeps its metrics for the others to show.

Nothing that gunicorn's first process imports may import prometheus_client, which looks for the directory then.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The directory in which prometheus_client keeps each process' values; read once, when it is imported."""
PREFIX = "imagesearch-metrics-"
MEMORY = Path("/dev/shm")  # noqa: S108 - the directories made in it are private
"""The files are mapped into memory and written at every request: a disk would only slow them down."""


class MetricsDirectory:
    """Hold the directory of this gunicorn's metrics for as long as it or one of its workers lives."""

    def __init__(self, parent: Path | None = None) -> None:
        """Make one, name it to the processes that are forked from now on, and remove those that nobody holds."""
        place = parent or (MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir()))
        for left in place.glob(f"{PREFIX}*"):
            _remove_unheld(left)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        self._held = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._held, fcntl.LOCK_SH)
        os.environ[VARIABLE] = str(self.path)

    def close(self) -> None:
        """Remove it."""
        os.environ.pop(VARIABLE, None)
        os.close(self._held)
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_unheld(path: Path) -> None:
    """Remove a directory that a gunicorn left behind that was killed; one of another user stays."""
    try:
        held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        if os.fstat(held).st_uid == os.geteuid():
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(held)
