"""Run the whole product as `make up` does, on a real Milvus server, and speak to it as its callers do."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from imagesearch.networks import VGG16
from imagesearch.settings import PostgresSettings, RedisSettings
from imagesearch_local.environment import of_stack
from imagesearch_local.layout import Layout
from imagesearch_local.record import Record
from support.kept_ports import kept_port
from support.waiting import ended, until

LAUNCH: Final = Path(__file__).with_name("launch.py")
MEASURED: Final = ("indexer", "extractor", "extractor-vgg16_int8")
"""Programs whose metrics are read."""
NAMES: Final = {
    "imagesearch_extractor --queue extract": "extractor",
    "imagesearch_extractor --queue query": "extractor-query",
    "imagesearch_indexer worker": "indexer",
    "imagesearch_indexer scheduler": "scheduler",
    "gunicorn": "api",
    "postgres": "postgres",
    "valkey": "valkey",
}
"""What processes are, by words of their command."""
JOB_SECONDS: Final = 1_800.0
LOOK_SECONDS: Final = 0.5
"""Between two looks at a job, which cost the machine what the job could use; its end is told by its own time."""


class Product:
    """One running system with the settings that it has by itself."""

    def __init__(
        self, folder: Path, images: Path, milvus_uri: str, weights: str, networks: Mapping[str, str]
    ) -> None:
        """Choose ports.

        Args:
            folder: holds all that it remembers.
            images: the root of what it may read.
            milvus_uri: of the server that keeps its vectors.
            weights: of VGG16.
            networks: that run beside it, each with its weights.
        """
        folder.mkdir(parents=True)
        self.images = images
        self.port = kept_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = folder / "output"
        self._layout = Layout.at(folder / "data")
        self._metrics = {name: kept_port() for name in MEASURED}
        ports = ",".join(f"{name}={port}" for name, port in self._metrics.items())
        self._environment = os.environ | {"MILVUS_URI": milvus_uri, "METRICS_PORTS": ports}
        self._command = [sys.executable, str(LAUNCH), "up", "--port", str(self.port)]
        self._command += ["--data-dir", str(self._layout.data_dir), "--images", str(images), "--weights", weights]
        self._command += ["--networks", ",".join(f"{name}={of}" for name, of in networks.items())]
        self.http = httpx.Client(base_url=self.url, timeout=60)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self.output.open("ab") as sink:
            self.process = subprocess.Popen(
                self._command, stdout=sink, stderr=subprocess.STDOUT, env=self._environment
            )
        until(self._is_ready, seconds=math.inf, alive=self.process, output=self.output)

    def stop(self) -> None:
        """Stop it in order."""
        self.http.close()
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            ended(self.process)

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings that its processes share."""
        return of_stack(self._layout, self.port, Record.read(self._layout))

    @property
    def postgres(self) -> PostgresSettings:
        """Return where its catalogue is."""
        return PostgresSettings(database_url=self.environment["DATABASE_URL"])

    @property
    def redis(self) -> RedisSettings:
        """Return where its broker is."""
        return RedisSettings(redis_url=self.environment["REDIS_URL"])

    def create(self, collection: str, network: str) -> None:
        """Make a collection with the pipeline that new ones have."""
        self.http.post("/api/v2/collections", json={"name": collection, "network": network}).raise_for_status()

    def submit(self, folder: Path, collection: str) -> str:
        """Ask for a job, and return its id."""
        asked = {"source": str(folder), "collection": collection}
        return str(self.http.post("/api/v2/jobs", json=asked).raise_for_status().json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job as it is now."""
        shown: dict[str, Any] = self.http.get(f"/api/v2/jobs/{job_id}").raise_for_status().json()
        return shown

    def index(self, folder: Path, collection: str, pictures: int) -> float:
        """Index a folder; return the seconds from the request to the end, from which on all of it is found.

        Raises:
            RuntimeError: not every picture was indexed.
        """
        asked_at = time.time()
        job_id = self.submit(folder, collection)
        job = self.wait(job_id)
        if job["indexed"] != pictures:
            raise RuntimeError(f"a job did not index everything: {job}")
        return datetime.fromisoformat(job["finished_at"]).timestamp() - asked_at

    def wait(self, job_id: str) -> dict[str, Any]:
        """Wait until a job has ended, and return it."""
        begun = time.monotonic()
        while not (job := self.job(job_id))["finished_at"]:
            if time.monotonic() - begun > JOB_SECONDS:
                raise RuntimeError(f"a job does not end: {job}")
            time.sleep(LOOK_SECONDS)
        return job

    def sums(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Return the seconds and the number of what its workers have measured, by histogram and label."""
        found: dict[tuple[str, str], tuple[float, float]] = {}
        for name, port in self._metrics.items():
            try:
                page = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).raise_for_status().text
            except httpx.ConnectError:
                continue  # This network does not run.
            for family in text_string_to_metric_families(page):
                for sample in family.samples:
                    if sample.name.endswith(("_seconds_sum", "_seconds_count")):
                        key = (f"{name.partition('-')[0]} {family.name}", ",".join(sample.labels.values()))
                        total, count = found.get(key, (0.0, 0.0))
                        is_sum = sample.name.endswith("_sum")
                        found[key] = (total + sample.value * is_sum, count + sample.value * (not is_sum))
        return found

    def workers(self) -> dict[str, int]:
        """Return the processes of VGG16's extractor and of the indexer, by name."""
        found = {}
        for process in self._processes():
            name = _name_of(process)
            if name in ("extractor", "indexer") and process.environ().get("NETWORK", VGG16.name) == VGG16.name:
                found[name] = process.pid
        return found

    def cpu(self) -> dict[str, float]:
        """Return the seconds of the CPU that its processes have spent so far, by what they are."""
        spent: dict[str, float] = {}
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                name = _name_of(process)
                spent[name] = spent.get(name, 0.0) + times.user + times.system
        return spent

    def _processes(self) -> list[psutil.Process]:
        if self.process is None:
            raise RuntimeError("it does not run")
        return psutil.Process(self.process.pid).children(recursive=True)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=60).status_code == 200
        except httpx.TransportError:
            return False


def _name_of(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    return next((name for words, name in NAMES.items() if words in command), "other")
