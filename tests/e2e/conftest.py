"""The whole running system, started the way a user starts it, spoken to over HTTP alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from drawing import photo_like
from waiting import until

WEIGHTS = "random:7"


class System:
    """One `up` in a directory of its own."""

    def __init__(self, folder: Path, images: Path, **environment: str) -> None:
        self.folder = folder
        self.images = images
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = folder / "output"
        self.environment = os.environ | environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "imagesearch_local", "up", "--port", str(self.port)]
        command += ["--data-dir", str(self.folder / "data"), "--images", str(self.images), "--weights", WEIGHTS]
        with self.output.open("ab") as sink:
            self.process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=self.environment)
        until(self.is_ready, seconds=120, alive=self.process, output=self.output)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
