"""Run every benchmark against a system of its own with the real Milvus server: `make bench`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import httpx
import numpy as np
from pymilvus import MilvusClient

from bench import recall, searching
from bench.report import Report, median, times_ms
from imagesearch.catalog.engine import Catalog
from imagesearch.settings import MilvusSettings, PostgresSettings
from imagesearch.vectors import MilvusVectorStore
from imagesearch_extractor.settings import ExtractorSettings
from imagesearch_extractor.worker import load_network
from imagesearch_local.environment import of_stack
from imagesearch_local.layout import Layout
from imagesearch_local.record import Record
from integration.milvus_servers import MilvusServer
from system import WEIGHTS, System
from waiting import until


def main() -> int:
    """Measure, print, and return 1 when a promise is not kept."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name).resolve()
        milvus = MilvusServer(folder / "milvus", folder / "milvus-programs")
        milvus.start()
        library = folder / "library"
        library.mkdir()
        system = System(folder / "system", library, MILVUS_URI=milvus.uri, MILVUS_LITE="false")
        try:
            system.start()
            measure(report, system, library)
        finally:
            if system.process is not None:
                system.stop()
            milvus.end()
    for figure in report.broken:
        print(f"not kept: {figure.name}: {figure.value}, promised {figure.bound}")
    return 1 if report.broken else 0


def forward(report: Report) -> tuple[float, float]:
    """Measure the network alone: milliseconds of a pass of one picture, pictures a second in passes of 32."""
    network = load_network(ExtractorSettings(weights=WEIGHTS))
    random = np.random.default_rng(0)
    one = random.integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    many = random.integers(0, 256, (32, 224, 224, 3), dtype=np.uint8)
    single = median(times_ms([lambda: network.embed(one)] * 60)[10:])
    rate = 32_000 / median(times_ms([lambda: network.embed(many)] * 6)[1:])
    report.add("forward pass of one picture: median", f"{single:.1f} ms")
    report.add("forward passes of 32, pictures a second", f"{rate:.1f}")
    return single, rate


def wait_for_indexes(uri: str) -> None:
    """Wait until Milvus has built what was asked of it: it takes both cores for that."""
    client = MilvusClient(uri)
    names = client.list_collections()

    def is_settled() -> bool:
        pending = [
            client.describe_index(name, index)["pending_index_rows"]
            for name in names
            for index in client.list_indexes(name)
        ]
        return not any(pending)

    until(is_settled, seconds=120)
    client.close()


def measure(report: Report, system: System, library: Path) -> None:
    """Measure everything that needs the running system."""
    layout = Layout.at(system.folder / "data")
    environment = of_stack(layout, system.port, Record.read(layout))
    catalog = Catalog(PostgresSettings(database_url=environment["DATABASE_URL"]))
    store = MilvusVectorStore(MilvusSettings(milvus_uri=system.environment["MILVUS_URI"]))
    with httpx.Client(base_url=system.url, timeout=60) as http:
        searching.prepare(catalog, store, http.get("/api/v2/info").json()["model"])
        recall.measure(report, store)
        wait_for_indexes(system.environment["MILVUS_URI"])
        # Beside the same idle servers as the searches that it is compared with.
        forward_ms, forward_rate = forward(report)
        idle_p95 = searching.measure_latency(report, http, forward_ms)
        searching.measure_isolation(report, http, library, idle_p95)
        searching.measure_bulk(report, http, library, forward_rate)
    store.close()
    catalog.close()


if __name__ == "__main__":
    sys.exit(main())
