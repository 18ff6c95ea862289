"""Find and end what a killed stack left running."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from imagesearch_local.layout import MARKER, Layout

GRACE_SECONDS = 15.0
"""Time for an orderly end: Postgres writes a checkpoint, milvus-lite closes its files."""


def end_orphans(layout: Layout) -> list[int]:
    """End every process of the data directory's stack, orderly if they let it, and return their ids.

    Only for a caller that holds the stack's lock: nothing that is found can belong to a living stack then.
    """
    found = list(_orphans(layout))
    for process in found:
        # On SIGTERM Postgres would wait for its clients.
        _signal(process, signal.SIGINT if _is_its_postgres(process, layout) else signal.SIGTERM)
    _wait_or_kill(found)
    return [process.pid for process in found]


def end_postgres(layout: Layout) -> None:
    """Wait until no process of the data directory's Postgres is left, and end those that stay.

    Children of a server that was killed notice it and go by themselves, unless they are in the middle of
    something. A second server must not start before that.
    """
    _wait_or_kill([process for process in psutil.process_iter() if _is_its_postgres(process, layout)])


def _wait_or_kill(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=GRACE_SECONDS)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=GRACE_SECONDS)


def _orphans(layout: Layout) -> Iterator[psutil.Process]:
    current = psutil.Process()
    spared = {current.pid, *(parent.pid for parent in current.parents())}
    for process in psutil.process_iter():
        if process.pid not in spared and (_is_marked(process, layout) or _is_its_postgres(process, layout)):
            yield process


def _is_marked(process: psutil.Process, layout: Layout) -> bool:
    try:
        return process.environ().get(MARKER) == str(layout.data_dir)
    except (psutil.Error, OSError):
        return False


def _is_its_postgres(process: psutil.Process, layout: Layout) -> bool:
    """Recognise Postgres by its working directory: its children overwrite their environment with a title."""
    try:
        return process.name() == "postgres" and Path(process.cwd()).parent == layout.postgres
    except (psutil.Error, OSError):
        return False


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
