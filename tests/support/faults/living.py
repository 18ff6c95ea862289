"""A running stack to do harm to: real processes, found and killed by their ids."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import httpx
import psutil
import redis

from imagesearch.catalog.engine import Catalog
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.broker import create_redis
from imagesearch.settings import MilvusSettings, PostgresSettings, RedisSettings
from imagesearch.vectors.milvus import MilvusVectorStore
from imagesearch_local.control import Control
from imagesearch_local.environment import of_stack
from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import MARKER, Layout
from imagesearch_local.record import Record
from support.faults.disks import mount, unmount
from support.kept_ports import kept_port
from support.waiting import TIMEOUT, ended, until

LAUNCHER = Path(__file__).with_name("launch.py")
SERVICES = ("extractor", "indexer", "scheduler", "api")
STORES = ("valkey", "postgres", "milvus")
QUICK = {
    "LEASE_SECONDS": "3",
    "RECONCILE_SECONDS": "1",
    "SWEEP_SECONDS": "3",
    "VECTOR_GRACE_SECONDS": "20",
    "BATCH_SIZE": "8",
    "WINDOW": "4",
    "PLAN_SLICE": "50",
    "QUERY_CACHE_SECONDS": "0",
    "LOG_LEVEL": "INFO",
    "BULK_NICENESS": "0",
}
"""Settings that make everything periodic come soon, a small job have many batches, and no extractor yield to what
else the machine does."""
STILL_SECONDS = 600.0
"""A job of which nothing has moved for so long never ends: networks take minutes to start on a busy machine."""


class Living:
    """One stack in a directory of its own."""

    def __init__(
        self,
        folder: Path,
        images: Path,
        *,
        real: bool = False,
        disks: Mapping[str, int] = MappingProxyType({}),
        **environment: str,
    ) -> None:
        """Choose a port, and mount disks.

        Args:
            folder: holds its data.
            images: the root of what it may read.
            real: with the network; otherwise a stand-in.
            disks: which of its directories are disks of their own, and of how many megabytes.
            environment: settings of the product.
        """
        self.real = real
        self.layout = Layout.at(folder / "data")
        self.disks = [self.layout.data_dir / name for name in disks]
        for disk, megabytes in zip(self.disks, disks.values(), strict=True):
            mount(disk, megabytes)
        self.output = folder / "output"
        self.port = kept_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=TIMEOUT)
        start = ["-m", "imagesearch_local"] if real else [str(LAUNCHER)]
        self._command = [sys.executable, *start, "up", "--port", str(self.port), "--weights", "random:7"]
        self._command += ["--data-dir", str(self.layout.data_dir), "--images", str(images)]
        self._environment = os.environ | QUICK | environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.output.open("ab") as sink:
            self._process = subprocess.Popen(
                self._command, stdout=sink, stderr=subprocess.STDOUT, env=self._environment
            )
        self.wait_ready()

    def stop(self) -> int:
        """Stop in good order and return the exit status."""
        assert self._process is not None
        self.http.close()
        self.catalog.close()
        self.vectors.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            return ended(self._process)
        finally:
            for disk in self.disks:
                unmount(disk)

    def wait_ready(self) -> None:
        """Wait for as long as it lives: how long networks take to start, only the machine knows."""
        until(self.is_ready, seconds=math.inf, alive=self._process, output=self.output)

    def is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def pid(self, name: str) -> int | None:
        return Control(self.layout).pid(name)

    def send(self, name: str, number: int) -> int | None:
        """Send a signal to a process of the stack, and return its id; None where it does not run just now."""
        found = self.pid(name)
        if found is not None:
            os.kill(found, number)
        return found

    def kill(self, name: str) -> None:
        """Kill a process without a warning; nothing happens while it is being started again."""
        self.send(name, signal.SIGKILL)

    def family(self, name: str) -> list[int]:
        """Return the ids of a process and its children, whose parts stop and go on together."""
        found = self.pid(name)
        try:
            return [] if found is None else [found, *(child.pid for child in _children(psutil.Process(found)))]
        except psutil.NoSuchProcess:
            return []

    def wait_replaced(self, name: str, former: int | None, seconds: float = TIMEOUT) -> None:
        until(lambda: self.pid(name) not in (None, former), seconds=seconds, output=self.output)

    def kill_everything(self) -> None:
        """Kill the supervisor and all its children at once."""
        assert self._process is not None
        family = [psutil.Process(self._process.pid)]
        family += [process for process in psutil.process_iter() if self._is_ours(process)]
        family += [child for process in list(family) for child in _children(process)]
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARKER) == str(self.layout.data_dir)
        except (psutil.Error, OSError):
            return False

    def memory(self, name: str) -> int:
        """Return the resident memory of a process in bytes."""
        found = self.pid(name)
        return int(psutil.Process(found).memory_info().rss) if found else 0

    def log(self, name: str) -> str:
        """Return what a process has written so far."""
        return (self.layout.logs / f"{name}.log").read_text(errors="replace")

    @cached_property
    def settings(self) -> dict[str, str]:
        return of_stack(self.layout, self.port, Record.read(self.layout))

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog(PostgresSettings(database_url=self.settings["DATABASE_URL"]))

    @cached_property
    def vectors(self) -> MilvusVectorStore:
        return MilvusVectorStore(MilvusSettings(milvus_uri=self.settings["MILVUS_URI"], milvus_lite=True))

    def redis(self) -> redis.Redis:
        """Return a connection to the stack's Valkey; the caller closes it."""
        return create_redis(RedisSettings(redis_url=self.settings["REDIS_URL"]))

    def flush_redis(self) -> None:
        client = self.redis()
        client.flushall()
        client.close()

    def submit(self, source: object, collection: str, **options: object) -> str:
        """Submit a job, again and again while the API is away."""
        body = {"source": source, "collection": collection, **options}
        headers = {"Idempotency-Key": f"{collection}-{time.time_ns()}"}
        answer = self.patiently(lambda: self.http.post("/api/v2/jobs", json=body, headers=headers))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def patiently(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        """Ask until the answer is not that a store, or the API itself, is away."""
        answers: list[httpx.Response] = []

        def answered() -> bool:
            try:
                answers.append(ask())
            except httpx.TransportError:
                return False
            if answers[-1].status_code == 503:
                assert "Retry-After" in answers[-1].headers
            return answers[-1].status_code != 503

        until(answered, seconds=STILL_SECONDS, alive=self._process, output=self.output)
        return answers[-1]

    def job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = self.patiently(lambda: self.http.get(f"/api/v2/jobs/{job_id}")).json()
        return job

    def control(self, job_id: str, verb: str) -> int:
        return self.patiently(lambda: self.http.post(f"/api/v2/jobs/{job_id}/{verb}")).status_code

    def wait_done(self, job_id: str, pictures: int) -> None:
        """Wait until so many pictures of a job have their outcome."""
        self._wait_job(job_id, lambda job: _done(job) >= pictures)

    def wait_ended(self, job_id: str) -> dict[str, Any]:
        """Return a job as it was read when it had ended."""
        return self._wait_job(job_id, lambda job: job["finished_at"] is not None)

    def _wait_job(self, job_id: str, is_there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        job: dict[str, Any] = {}

        def reached() -> bool:
            nonlocal job
            job = self.job(job_id)
            return is_there(job)

        until(reached, seconds=STILL_SECONDS, moves=lambda: job and (job["total"], _done(job)), output=self.output)
        return job

    def wait_catalog(self, seconds: float = TIMEOUT) -> None:
        """Wait until the test itself can read the stores."""
        until(lambda: _works(self.catalog.ping) and _works(self.vectors.ping), seconds=seconds, output=self.output)


class StartStack(Protocol):
    """Start a stack, which ends with the module of the test or when the next one starts."""

    def __call__(
        self, *, real: bool = False, disks: Mapping[str, int] = MappingProxyType({}), **environment: str
    ) -> Living: ...


def _works(action: Callable[[], None]) -> bool:
    try:
        action()
    except (StoreUnavailable, StackFailed):
        return False
    return True


def _done(job: dict[str, Any]) -> int:
    return int(job["indexed"] + job["unchanged"] + job["failed"] + job["cancelled"])


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
