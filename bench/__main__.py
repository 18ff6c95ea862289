"""Run every benchmark against a system of its own with the real Milvus server: `make bench`."""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
from pymilvus import MilvusClient

from bench import recall, searching
from bench.calling import Caller
from bench.report import Report, median, times_ms
from imagesearch.catalog.engine import Catalog
from imagesearch.pipeline import DEFAULT_PRESET, Preset
from imagesearch.settings import MilvusSettings, PostgresSettings
from imagesearch.vectors.milvus import MilvusVectorStore
from imagesearch_extractor.embedding import Embedder
from imagesearch_extractor.settings import ExtractorSettings
from imagesearch_extractor.worker import load_network
from imagesearch_local.environment import of_stack
from imagesearch_local.layout import Layout
from imagesearch_local.record import Record
from support.milvus_servers import MilvusServer
from support.system import WEIGHTS, System

PRESETS = (Preset.PUBLISHED, DEFAULT_PRESET)
"""What is measured: the published pipeline, and last that of new collections, which the jobs here make as well."""


def main() -> int:
    """Measure, print, and return 1 when a promise is not kept."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name).resolve()
        milvus = MilvusServer(folder / "milvus")
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


def measure_passes(report: Report, network: Embedder) -> float:
    """Measure the network alone: pictures a second in passes of 32."""
    random = np.random.default_rng(0)
    many = random.integers(0, 256, (32, 224, 224, 3), dtype=np.uint8)
    rate = 32_000 / median(times_ms([lambda: network.embed(many)] * 6)[1:])
    report.add("forward passes of 32, pictures a second", f"{rate:.1f}")
    return rate


def measure(report: Report, system: System, library: Path) -> None:
    """Measure everything that needs the running system."""
    layout = Layout.at(system.folder / "data")
    environment = of_stack(layout, system.port, Record.read(layout))
    catalog = Catalog(PostgresSettings(database_url=environment["DATABASE_URL"]))
    store = MilvusVectorStore(MilvusSettings(milvus_uri=system.environment["MILVUS_URI"]))
    with httpx.Client(base_url=system.url, timeout=60) as http:
        milvus = MilvusClient(system.environment["MILVUS_URI"])
        model = http.get("/api/v2/info").json()["model"]
        names = [searching.prepare(catalog, store, model, preset) for preset in PRESETS]
        recall.measure(report, store, milvus)
        for name in names:
            recall.wait_for_index(milvus, name)
        milvus.close()
        network = load_network(ExtractorSettings(weights=WEIGHTS))
        for preset in PRESETS:
            with closing(Caller(system.url, preset)) as caller:
                idle_p95 = searching.measure_latency(report, http, caller, network.embed, preset)
        with closing(Caller(system.url, DEFAULT_PRESET)) as caller:
            searching.measure_isolation(report, http, caller, library, idle_p95)
        searching.measure_bulk(report, http, library, measure_passes(report, network))
    store.close()
    catalog.close()


if __name__ == "__main__":
    sys.exit(main())
