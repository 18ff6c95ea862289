"""Start and stop the whole system of one data directory."""

from __future__ import annotations

import fcntl
import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from imagesearch_local import ports, programs
from imagesearch_local.console import Console
from imagesearch_local.environment import inherited, of_stack
from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import MARKER, Layout
from imagesearch_local.orphans import end_orphans
from imagesearch_local.private import write_private
from imagesearch_local.record import Record
from imagesearch_local.stores import valkey
from imagesearch_local.supervise import supervise

STORES = ("valkey", "milvus")
"""Stores that listen on a port."""
STOP_SECONDS = 120.0
"""The longest that stopping in order can take: workers, then stores, each killed in the end."""


@dataclass(frozen=True)
class Options:
    """Hold the options that the user gave.

    Attributes:
        port: where the API shall listen.
        images: directories under which pictures may be read; empty for those of the last start.
        weights: ``imagenet``, a file or ``random:SEED``; empty for imagenet.
        networks: those that run beside the first, with the weights of each.
        stores_only: start no service, for tests of the stores.
        milvus_uri: a Milvus server to use instead of starting milvus-lite; empty for milvus-lite.
    """

    port: int
    images: tuple[Path, ...] = ()
    weights: str = ""
    networks: Mapping[str, str] = field(default_factory=dict)
    stores_only: bool = False
    milvus_uri: str = ""


def up(layout: Layout, options: Options) -> int:
    """Run the stack in the foreground until SIGINT or SIGTERM and return the exit status.

    Raises:
        StackFailed: it runs already, or cannot start.
    """
    layout.create()
    with exclusive_lock(layout):
        make_room(layout, None if options.stores_only else options.port)
        environment, planned = prepare(layout, options)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(layout.data_dir)
        sys.stdout.write(f"starting in {layout.data_dir}; Ctrl-C stops everything\n")
        _mention_other_weights(layout, options)
        sys.stdout.flush()
        once = frozenset(program.name for program in planned if program.once)
        try:
            reason = supervise(layout.supervisor_conf, Console(sys.stdout.fileno()), once)
        finally:
            layout.remove_distant_sockets()
    if reason is not None:
        raise StackFailed(reason)
    return 0


def make_room(layout: Layout, port: int | None) -> None:
    """End what a killed stack left running, and make sure that the API's port is free.

    Only for a caller that holds the stack's lock.

    Raises:
        StackFailed: another program has the port.
    """
    if ended := end_orphans(layout):
        sys.stderr.write(f"ended {len(ended)} processes that a killed run left behind\n")
    if port is not None and not ports.is_free(port):
        raise StackFailed(f"port {port} is taken by another program; set PORT, as in PORT={port + 1}")


def prepare(layout: Layout, options: Options) -> tuple[dict[str, str], list[programs.Program]]:
    """Choose ports, write what the processes read, and return their environment and the processes.

    Raises:
        StackFailed: no port is free, or a picture directory or the weights file is missing.
    """
    if not options.stores_only and not ports.is_free(options.port):
        raise StackFailed(
            f"port {options.port} is taken by another program; set PORT, as in PORT={options.port + 1}"
        )
    before = Record.read(layout)
    chosen = ports.choose(STORES, before.ports, str(layout.data_dir), taken=[options.port])
    roots = _image_roots(layout, options, before)
    planned = programs.store_programs(with_milvus=not options.milvus_uri)
    if not options.stores_only:
        networks = {name: _weights(weights) for name, weights in options.networks.items()}
        planned += programs.service_programs(options.port, networks)
    record = Record(
        url=f"http://{ports.LOOPBACK}:{options.port}",
        ports=chosen,
        images=tuple(map(str, roots)),
        weights=_weights(options.weights),
        programs=tuple(program.name for program in planned),
        milvus_uri=options.milvus_uri,
    )
    valkey.configure(layout, chosen["valkey"])
    write_private(layout.supervisor_conf, programs.supervisor_conf(layout, planned))
    ours = of_stack(layout, options.port, record)
    write_private(layout.environment, "".join(f"{name}={shlex.quote(value)}\n" for name, value in ours.items()))
    record.write(layout)
    return {**inherited(os.environ), **ours, MARKER: str(layout.data_dir)}, planned


def down(layout: Layout) -> int:
    """Stop the stack of a data directory, if one runs, and return once all of it is gone.

    Raises:
        StackFailed: it does not stop.
    """
    if not layout.lock.exists():
        sys.stdout.write(f"nothing runs in {layout.data_dir}\n")
        return 0
    try:
        with exclusive_lock(layout):
            ended = end_orphans(layout)
    except AlreadyRunning as running:
        _stop(layout, running.pid)
        sys.stdout.write(f"stopped the stack of {layout.data_dir}\n")
    else:
        left = f"ended {len(ended)} processes that a killed run left" if ended else "nothing runs"
        sys.stdout.write(f"{left} in {layout.data_dir}\n")
    return 0


class AlreadyRunning(StackFailed):
    """Another process holds the lock of the data directory.

    Attributes:
        pid: its id, None where it has not been written yet.
    """

    def __init__(self, layout: Layout, pid: int | None) -> None:
        super().__init__(f"the stack of DATA_DIR={layout.data_dir} runs already; make down stops it")
        self.pid = pid


@contextmanager
def exclusive_lock(layout: Layout) -> Iterator[None]:
    """Hold the data directory's lock, which the kernel frees however its holder ends.

    Raises:
        AlreadyRunning: somebody else holds it.
    """
    with layout.lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(layout, _holder(lock)) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _holder(lock: IO[str]) -> int | None:
    lock.seek(0)
    text = lock.read()
    return int(text) if text.isdecimal() else None


def _stop(layout: Layout, pid: int | None) -> None:
    """Ask the stack's process to end and wait until it has."""
    if pid is None or not _is_ours(pid):
        raise StackFailed(f"the lock {layout.lock} is held, but not by a process of this program")
    process = psutil.Process(pid)
    process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    # Its lock is free a little before: the last thing that an ending interpreter does with files is to close them.
    while time.monotonic() < deadline:
        if _has_ended(process):
            return
        time.sleep(0.05)
    raise StackFailed(f"process {pid} has not stopped within {STOP_SECONDS:.0f} s")


def _has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _is_ours(pid: int) -> bool:
    try:
        return "imagesearch_local" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _mention_other_weights(layout: Layout, options: Options) -> None:
    """Say that vectors of another network lie here; unlike the demo, nothing is chosen on its own."""
    if not options.weights and layout.weights.exists():
        used = layout.weights.read_text().strip()
        if used != _weights(""):
            sys.stdout.write(f"the demo filled this data with WEIGHTS={used}; set that to search it\n")


def _image_roots(layout: Layout, options: Options, before: Record) -> tuple[Path, ...]:
    for root in options.images:
        if not root.is_dir():
            raise StackFailed(f"IMAGES={root} is not a directory")
    return options.images or tuple(map(Path, before.images)) or (layout.samples,)


def _weights(weights: str) -> str:
    """Return the weights setting, a file as an absolute path."""
    if not weights or weights == "imagenet" or weights.startswith("random:"):
        return weights or "imagenet"
    path = Path(weights).expanduser().absolute()
    if not path.is_file():
        raise StackFailed(f"WEIGHTS={weights}: no such file; set imagenet, a Keras .h5 file or random:SEED")
    return str(path)
