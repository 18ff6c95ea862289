"""Each way in which work stops is made to happen, and its alert fires over what the processes showed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from imagesearch_local.control import Control
from support.faults.harm import frozen
from support.faults.living import STORES, Living, StartStack
from support.faults.monitor import Monitor
from support.kept_ports import kept_port
from support.promtool import disagreement

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

WORKERS = ("extractor", "extractor-query", "indexer", "scheduler")
INDEXED = "alerts"
CALM = 4
"""Looks before something happens: no alert that wakes somebody up fires over them."""


@dataclass
class Watched:
    """A stack and who watches it."""

    stack: Living
    monitor: Monitor
    folder: Path

    @contextmanager
    def stopped(self, *names: str) -> Iterator[None]:
        """Stop processes within the block, after some calm looks."""
        control = Control(self.stack.layout)
        self.calm()
        for name in names:
            control.stop(name)
        try:
            yield
        finally:
            for name in names:
                control.start(name)

    def calm(self) -> None:
        """Wait until the system says that it is ready, and see that it looks so."""
        self.stack.wait_ready()
        self.monitor.forget()
        self.monitor.watch(CALM)
        quiet = disagreement(self.folder, self.monitor.series(), {CALM - 1: []}, only='severity="critical"')
        assert quiet == ""

    def search(self, picture: Path) -> None:
        """Search, whatever comes of it."""
        self.stack.http.post(f"/api/v2/collections/{INDEXED}/search", files={"image": picture.read_bytes()})

    def fires(self, alert: str) -> None:
        """See that an alert fires now."""
        found = disagreement(
            self.folder, self.monitor.series(), {self.monitor.minute: [alert]}, only=f'alertname="{alert}"'
        )
        assert found == "", found


@pytest.fixture(scope="module")
def watched(
    start_stack: StartStack, album: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    ports = {name: kept_port() for name in WORKERS}
    shown = ",".join(f"{name}={port}" for name, port in ports.items())
    stack = start_stack(METRICS_PORTS=shown, STALL_SECONDS="3", EMBED_SECONDS="0.05")
    pages = {f"imagesearch-{name}": f"http://127.0.0.1:{port}/metrics" for name, port in ports.items()}
    pages["imagesearch-api"] = f"http://127.0.0.1:{stack.port}/metrics"
    stack.wait_ended(stack.submit(str(album[0].parent), INDEXED))
    with closing(Monitor(pages)) as monitor:
        yield Watched(stack, monitor, tmp_path_factory.mktemp("alerts"))


def test_nothing_fires_while_all_is_well(watched: Watched, album: list[Path]) -> None:
    watched.calm()
    job_id = watched.stack.submit(str(album[0].parent), "works")
    watched.monitor.watch(24, lambda: watched.search(album[0]))
    watched.stack.wait_ended(job_id)
    found = disagreement(watched.folder, watched.monitor.series(), {watched.monitor.minute: []})
    assert found == "", found


def test_an_api_that_is_gone(watched: Watched) -> None:
    with watched.stopped("api"):
        watched.monitor.watch(7)
        watched.fires("ImageSearchApiDown")
        watched.fires("ImageSearchProcessDown")


@pytest.mark.parametrize("name", STORES)
def test_a_store_that_is_gone(watched: Watched, name: str, album: list[Path]) -> None:
    with watched.stopped(name):
        watched.monitor.watch(7, lambda: watched.search(album[0]))
        watched.fires("ImageSearchStoreDown")
        watched.fires("ImageSearchRequestsFail")


@pytest.mark.parametrize("name", ["extractor", "extractor-query", "indexer"])
def test_workers_that_are_gone(watched: Watched, name: str) -> None:
    with watched.stopped(name):
        watched.monitor.watch(4)
        watched.fires("ImageSearchNoWorker")


@pytest.mark.parametrize("name", ["indexer", "scheduler"])
def test_repairs_that_do_not_run(watched: Watched, name: str) -> None:
    with watched.stopped(name):
        watched.monitor.watch(17)
        watched.fires("ImageSearchNoReconciliation")


def test_a_job_that_does_not_move(watched: Watched, album: list[Path]) -> None:
    watched.calm()
    with frozen(watched.stack, "extractor"):
        job_id = watched.stack.submit(str(album[0].parent), "waits")
        watched.monitor.watch(24)
        watched.fires("ImageSearchJobStalled")
        watched.fires("ImageSearchQueueStuck")
    watched.stack.wait_ended(job_id)


def test_a_redis_that_is_nearly_full(watched: Watched) -> None:
    watched.calm()
    with closing(watched.stack.redis()) as client:
        limit = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.05))
        try:
            watched.monitor.watch(7)
            watched.fires("ImageSearchRedisFull")
        finally:
            client.config_set("maxmemory", limit)
