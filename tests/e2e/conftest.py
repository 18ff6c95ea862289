"""The running system that end-to-end tests share; they speak to it over HTTP alone.

Its extractors have no networks, which take most of the time and decide nothing; the system of networks/ has them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.drawing import draw_album
from support.gallery import Gallery, fill
from support.milvus_servers import MilvusServer
from support.system import PLAIN, System
from support.waiting import TIMEOUT


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory under which every picture of these tests lies."""
    return tmp_path_factory.mktemp("library").resolve()


@pytest.fixture(scope="session")
def vector_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of the vector store: the stack's own milvus-lite, or with STORE=milvus the real server."""
    if os.environ.get("STORE") != "milvus":
        yield {}
        return
    folder = tmp_path_factory.mktemp("milvus")
    server = MilvusServer(folder / "data")
    server.start()
    yield {"MILVUS_URI": server.uri}
    server.end()


@pytest.fixture(scope="session")
def system(
    tmp_path_factory: pytest.TempPathFactory, library: Path, vector_store: dict[str, str]
) -> Iterator[System]:
    """The system that the tests of this session share."""
    # A small job has some batches, and lasts until something can happen to it.
    sizes = {"BATCH_SIZE": "16", "EMBED_SECONDS": "0.05"}
    # Tests that wait until nothing is left of what was deleted need not wait longer than they have to.
    soon = {"VECTOR_GRACE_SECONDS": "20", "RECONCILE_SECONDS": "2"}
    made = System(tmp_path_factory.mktemp("system"), library, has_networks=False, **sizes, **soon, **vector_store)
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture
def http(system: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=system.url, timeout=TIMEOUT, verify=PLAIN) as client:
        yield client


@pytest.fixture(scope="session")
def album(library: Path) -> Path:
    """Forty drawn pictures in two folders."""
    return draw_album(library / "album")


@pytest.fixture(scope="session")
def gallery(system: System, library: Path) -> Gallery:
    """Forty pictures in a collection, some with a partition and metadata."""
    with httpx.Client(base_url=system.url, timeout=TIMEOUT) as client:
        return fill(client, library / "gallery")
