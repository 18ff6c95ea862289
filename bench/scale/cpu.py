"""Tell what processes spend of the CPU: that depends less than the clock on who else uses a machine."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Servers:
    """Name the processes of the stores.

    Attributes:
        postgres: the one that begins the others, of which each session has one.
        valkey: the only one.
        database: whose sessions work here.
    """

    postgres: int
    valkey: int
    database: str

    def sessions(self) -> list[int]:
        """Return the processes of the sessions of the database."""
        return [process for process in children(self.postgres) if self.database in _command(process)]


class Meter:
    """Measure what the work between two moments has spent, in seconds.

    Args:
        servers: of which each working process has one thread.
    """

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._before: dict[int, float] = {}
        self._began = 0.0

    def begin(self) -> None:
        """Begin at this moment."""
        self._before = self._spent()
        self._began = time.process_time()

    def end(self) -> float:
        """Return what this process, Valkey and the sessions of its database have spent since the beginning."""
        own = time.process_time() - self._began
        after = self._spent()
        return own + sum(spent - self._before.get(process, 0.0) for process, spent in after.items())

    def _spent(self) -> dict[int, float]:
        processes = (self._servers.valkey, *self._servers.sessions())
        return {process: spent_by(process) for process in processes}


def spent_by(process: int) -> float:
    """Return what the first thread of a process has spent, in seconds; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def all_of(process: int) -> float:
    """Return what all threads of a process have spent, in seconds, to a hundredth; 0 where it has ended."""
    try:
        # Behind the name, which may hold spaces.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(process: int) -> list[int]:
    """Return the processes that one has begun and that have not ended."""
    try:
        return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command(process: int) -> str:
    """Return what a process says that it is; Postgres' own work on a database is none of its sessions."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes().decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if "autovacuum" in command else command
