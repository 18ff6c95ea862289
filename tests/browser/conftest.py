"""One running system and one Chromium for all tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from support.drawing import photo_like
from support.following import ended
from support.system import PLAIN, System
from support.waiting import TIMEOUT

PICTURES = 60
HOSTILE = '<img src=x onerror="document.title=1">.png'
MILLISECONDS = TIMEOUT * 1000


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pictures of several shapes, one of them with a name that would be HTML."""
    folder = tmp_path_factory.mktemp("library").resolve()
    shapes = [(160, 120), (120, 160), (200, 90)]
    for index in range(PICTURES - 1):
        path = folder / "album" / f"picture {index:02}.png"
        path.parent.mkdir(exist_ok=True)
        photo_like(index, shapes[index % 3]).save(path)
    photo_like(500).save(folder / "album" / HOSTILE)
    return folder


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[System]:
    """The system that the tests of this session share."""
    made = System(tmp_path_factory.mktemp("system"), library, COMPUTE_BATCH="4", BATCH_SIZE="16")
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="session")
def http(system: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=system.url, timeout=TIMEOUT, verify=PLAIN) as client:
        yield client


@pytest.fixture(scope="session")
def album(http: httpx.Client, library: Path) -> Path:
    """The folder whose pictures are indexed in the collection `album`."""
    folder = library / "album"
    job = http.post("/api/v2/jobs", json={"source": str(folder), "collection": "album"}).json()
    assert ended(http, job["id"])["indexed"] == PICTURES
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of the machine; Debian's is called so."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "no Chromium is installed: apt-get install chromium"
    expect.set_options(timeout=MILLISECONDS)
    with sync_playwright() as playwright:
        # Its own sandbox needs a user other than root, as which containers run.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, system: System) -> Iterator[Page]:
    """A page of a new browser; a test fails where the page does, or breaks its own policy."""
    context = chromium.new_context(base_url=system.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(MILLISECONDS)
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda message: wrong.append(message.text) if "Content Security" in message.text else None)
    yield made
    context.close()
    assert not wrong
