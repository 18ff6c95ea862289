"""One engine, one set of images and one running system, which the tests of this folder use in their order."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from compose.engine import Engine
from compose.images import service_images, store_images
from compose.stack import Stack
from support.drawing import encoded, photo_like
from support.kept_ports import kept_port
from support.system import PATIENT, PLAIN, WEIGHTS
from support.waiting import TIMEOUT, until

PICTURES = 200
VERSION = "tested"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.end()


@pytest.fixture(scope="session")
def images(engine: Engine) -> dict[str, str]:
    """The variables that name the project's own images, built from their Dockerfiles."""
    return service_images(engine, VERSION)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that the containers' user can look into, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="imagesearch-compose-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def pictures(folder: Path) -> Path:
    """Drawn pictures, which anybody may read."""
    library = folder / "pictures"
    library.mkdir()
    for index in range(PICTURES):
        (library / f"{index:03}.jpg").write_bytes(encoded(photo_like(index, (160, 120))))
    return library


@pytest.fixture(scope="session")
def stack(engine: Engine, images: dict[str, str], folder: Path, pictures: Path) -> Iterator[Stack]:
    """The running system, with stand-ins for the stores' images alone."""
    # The server of the wheel is older than the setting for root's password, and gives it this one.
    standin = {"MILVUS_PASSWORD": "Milvus"}
    # Vectors that crashes leave are collected when everything is compared.
    soon = {
        "COMPUTE_BATCH": "4",
        "BATCH_SIZE": "8",
        "RECONCILE_SECONDS": "2",
        "SWEEP_SECONDS": "5",
        "WEIGHTS": WEIGHTS,
    }
    made = Stack(
        engine,
        folder,
        pictures,
        # The engine would choose another port each time that the container starts again.
        LISTEN=f"127.0.0.1:{kept_port()}",
        **images,
        **store_images(engine),
        **PATIENT,
        **soon,
        **standin,
    )
    try:
        # A run that was cut short leaves stores that know another run's passwords.
        made.down()
        made.compose("up", "--detach", "--no-build")
        yield made
    finally:
        (folder / "logs").write_text(made.compose("logs", "--no-color"))
        made.down()


@pytest.fixture(scope="session")
def header(stack: Stack) -> dict[str, str]:
    """The header with an API key, made as an operator makes the first one."""
    printed = stack.compose(
        "exec", "-T", "api", "python", "-m", "imagesearch.admin", "keys", "make", "tests", "--scope", "write"
    )
    return {"Authorization": f"Bearer {printed.split()[-1]}"}


@pytest.fixture
def http(stack: Stack, header: dict[str, str]) -> Iterator[httpx.Client]:
    """A client of the published port, once everything is ready."""
    with httpx.Client(base_url=stack.url, timeout=TIMEOUT, verify=PLAIN, headers=header) as client:
        until(lambda: _ready(client))
        yield client


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
