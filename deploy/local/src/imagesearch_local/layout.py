"""Say where everything lies: one data directory holds all that a stack remembers."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from imagesearch_local.errors import StackFailed

MARKER = "IMAGESEARCH_STACK"
"""Set to the data directory in the environment of every process of a stack, and of no other."""
SOCKET_PATH_LIMIT = 80
"""Bytes a directory of sockets may take: Linux allows 107 for a socket and macOS 103, and the longest name
below it is ``/postgres/.s.PGSQL.5432``."""
PLAIN = re.compile(r"[A-Za-z0-9/._-]+")
"""Paths that need no quoting in any of the places that socket paths go: settings, URLs, lists."""


@dataclass(frozen=True)
class Layout:
    """Name the files and directories of one stack.

    Attributes:
        data_dir: absolute and free of links, so that every process of a stack spells it alike.
    """

    data_dir: Path

    @classmethod
    def at(cls, data_dir: str | Path) -> Layout:
        """Return the layout of a data directory, relative to the working directory if not absolute."""
        return cls(Path(os.path.realpath(Path(data_dir).expanduser())))

    @property
    def run(self) -> Path:
        """What only a running stack needs, and what it recorded about itself."""
        return self.data_dir / "run"

    @property
    def logs(self) -> Path:
        """One rotating log file per process."""
        return self.data_dir / "log"

    @property
    def lock(self) -> Path:
        """Held by a running stack; holds its process id."""
        return self.run / "lock"

    @property
    def record(self) -> Path:
        """What the last stack ran with, as JSON."""
        return self.run / "stack.json"

    @property
    def environment(self) -> Path:
        """The environment of the processes, for a shell to source."""
        return self.run / "stack.env"

    @property
    def supervisor_conf(self) -> Path:
        """What supervisord reads."""
        return self.run / "supervisord.conf"

    @property
    def redis_password(self) -> Path:
        """The secret that keeps other users of the machine out of Valkey."""
        return self.run / "redis-password"

    @property
    def weights(self) -> Path:
        """Which weights the demo settled for."""
        return self.run / "weights"

    @property
    def valkey(self) -> Path:
        """Valkey's append-only file and its configuration."""
        return self.data_dir / "valkey"

    @property
    def postgres(self) -> Path:
        """Holds the database cluster."""
        return self.data_dir / "postgres"

    @property
    def milvus(self) -> Path:
        """The data directory of milvus-lite."""
        return self.data_dir / "milvus"

    @property
    def samples(self) -> Path:
        """Pictures that the project draws itself."""
        return self.data_dir / "samples"

    @property
    def uploads(self) -> Path:
        """Pictures that were uploaded one by one."""
        return self.data_dir / "uploads"

    @property
    def exports(self) -> Path:
        """Collections that were exported, until their time is over."""
        return self.data_dir / "exports"

    @cached_property
    def sockets(self) -> Path:
        """Directory of the Unix sockets: in the data directory unless its path is too long or too odd."""
        inside = str(self.run)
        if len(inside.encode()) <= SOCKET_PATH_LIMIT and PLAIN.fullmatch(inside):
            return self.run
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"imagesearch-{os.geteuid()}-{digest}"

    @property
    def supervisor_socket(self) -> Path:
        """Where a running supervisord takes orders."""
        return self.sockets / "supervisor.sock"

    @property
    def postgres_socket(self) -> Path:
        """Directory that holds the socket of Postgres."""
        return self.sockets / "postgres"

    def create(self) -> None:
        """Make the directories, readable by nobody else where they are new.

        Raises:
            StackFailed: a directory cannot be made, or the one for sockets belongs to somebody else.
        """
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            for directory in (
                self.run,
                self.logs,
                self.valkey,
                self.postgres,
                self.milvus,
                self.uploads,
                self.exports,
            ):
                directory.mkdir(mode=0o700, exist_ok=True)
            self.sockets.mkdir(mode=0o700, exist_ok=True)
            self.postgres_socket.mkdir(mode=0o700, exist_ok=True)
            found = self.sockets.lstat()
        except OSError as error:
            raise StackFailed(f"DATA_DIR={self.data_dir} cannot be used: {error}") from error
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise StackFailed(f"{self.sockets} must be a directory that only its owner, you, can enter")

    def remove_distant_sockets(self) -> None:
        """Leave nothing outside the data directory."""
        if self.sockets != self.run:
            shutil.rmtree(self.sockets, ignore_errors=True)
