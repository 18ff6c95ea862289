"""Measure the most memory that processes take: the one that works, those of Postgres, and Valkey."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from bench.scale.cpu import Servers

EVERY_SECONDS = 0.2


def of_this_process() -> int:
    """Return the most memory that this process has had since it began, in bytes."""
    return _read("self", "VmHWM")


def of_process(process: int) -> int:
    """Return the most memory that a process has had since it began, in bytes."""
    return _read(process, "VmHWM")


def of_sessions(servers: Servers) -> int:
    """Return the memory of the largest session of a database, in bytes, without the buffers, which all share."""
    return max((_read(process, "RssAnon") for process in servers.sessions()), default=0)


@dataclass
class Watch:
    """Look again and again what servers take, and keep the most."""

    servers: Servers
    most: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for as long as a block lasts."""
        over = Event()
        thread = Thread(target=self._watch, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _watch(self, over: Event) -> None:
        while True:
            self._look()
            if over.wait(EVERY_SECONDS):
                return

    def _look(self) -> None:
        found = {"session": of_sessions(self.servers), "valkey": _read(self.servers.valkey, "RssAnon")}
        self.most = {name: max(size, self.most.get(name, 0)) for name, size in found.items()}


def parent_of(process: int) -> int:
    """Return the process that has begun another one."""
    return _read(process, "PPid")


def _read(process: int | str, name: str) -> int:
    """Return a figure of a process, a size in bytes; 0 where it has ended meanwhile, or has none."""
    try:
        match = re.search(rf"^{name}:\s+(\d+)( kB)?", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(match[1]) * (1024 if match[2] else 1) if match else 0
