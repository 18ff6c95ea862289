"""The running system with its networks: for what rests on what a network sees, and for who reads the README."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from support.collector import Collector
from support.drawing import draw_album
from support.gallery import Gallery, fill
from support.system import System
from support.waiting import TIMEOUT


# A fixture that another one asks for is made once: what stands on the other system must not serve here.
@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory under which every picture of these tests lies."""
    return tmp_path_factory.mktemp("library").resolve()


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where this system sends its traces."""
    with closing(Collector()) as made:
        yield made


@pytest.fixture(scope="session")
def system(
    tmp_path_factory: pytest.TempPathFactory, library: Path, vector_store: dict[str, str], collector: Collector
) -> Iterator[System]:
    """The system that the tests of this folder share."""
    # Networks that compute two pictures at a time are ready seconds sooner, and a small job has some batches.
    sizes = {"COMPUTE_BATCH": "2", "BATCH_SIZE": "16"}
    traces = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "500"}
    made = System(tmp_path_factory.mktemp("networks"), library, **sizes, **traces, **vector_store)
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="session")
def album(library: Path) -> Path:
    """Forty drawn pictures in two folders."""
    return draw_album(library / "album")


@pytest.fixture(scope="session")
def gallery(system: System, library: Path) -> Gallery:
    """Forty pictures in a collection, some with a partition and metadata."""
    with httpx.Client(base_url=system.url, timeout=TIMEOUT) as client:
        return fill(client, library / "gallery")
