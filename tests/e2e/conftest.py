"""The running system that end-to-end tests share; they speak to it over HTTP alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from drawing import photo_like
from system import System


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory under which every picture of these tests lies."""
    return tmp_path_factory.mktemp("library").resolve()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[System]:
    """The system that the tests of this session share."""
    made = System(tmp_path_factory.mktemp("system"), library)
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture
def http(system: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=system.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def album(library: Path) -> Path:
    """Forty drawn pictures in two folders, with endings that are often overlooked."""
    folder = library / "album"
    for place, ending in enumerate(["jpg", "JPG", "jpeg", "png"] * 10):
        path = folder / ("first" if place < 20 else "second") / f"picture {place:02}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo_like(place, (160, 120)).save(path, format="PNG" if ending == "png" else "JPEG")
    return folder
