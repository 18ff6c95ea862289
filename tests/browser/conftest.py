"""One running system and one Chromium for all tests of the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from support.drawing import photo_like
from support.following import ended
from support.system import PLAIN, System
from support.waiting import TIMEOUT

PICTURES = 40
HOSTILE = '<img src=x onerror="document.title=1">.png'
MILLISECONDS = TIMEOUT * 1000


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pictures of several shapes, one of them with a name that would be HTML; two equal ones; and a text."""
    folder = tmp_path_factory.mktemp("library").resolve()
    shapes = [(160, 120), (120, 160), (200, 90)]
    for index in range(PICTURES - 1):
        path = folder / "album" / f"picture {index:02}.png"
        path.parent.mkdir(exist_ok=True)
        photo_like(index, shapes[index % 3]).save(path)
    photo_like(500).save(folder / "album" / HOSTILE)
    (folder / "twins").mkdir()
    for name, seed in (("large.png", 700), ("same.png", 700), ("other.png", 701)):
        photo_like(seed).save(folder / "twins" / name)
    (folder / "broken").mkdir()
    (folder / "broken" / "notes.jpg").write_text("no picture at all")
    return folder


class BlankPage(BaseHTTPRequestHandler):
    """Answer with a page without anything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


@pytest.fixture(scope="session")
def foreign() -> Iterator[str]:
    """The origin of somebody else's page. Chromium lets only pages of this machine call this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BlankPage) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, library: Path, foreign: str) -> Iterator[System]:
    """The system that the tests of this session share; the foreign page may call it."""
    settings = {"COMPUTE_BATCH": "4", "BATCH_SIZE": "16", "CORS_ORIGINS": foreign}
    made = System(tmp_path_factory.mktemp("system"), library, **settings)
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


@pytest.fixture
def twins(http: httpx.Client, library: Path) -> str:
    """A collection of three pictures, of which two are the same file; return its name."""
    name = f"t{uuid4().hex[:12]}"
    job = http.post("/api/v2/jobs", json={"source": str(library / "twins"), "collection": name}).json()
    assert ended(http, job["id"])["indexed"] == 3
    return name


@pytest.fixture(scope="session")
def labelled(http: httpx.Client, library: Path) -> str:
    """A collection of four pictures with metadata, of more years than one chooses from a list; return its name."""
    lines = [
        {"path": str(library / "album" / f"picture {index:02}.png"), "metadata": {"colour": colour, "year": year}}
        for index, (colour, year) in enumerate(
            [("red", 1990), ("red", 1992), ("<b>blue</b>", 1994), ("<b>blue</b>", 1996)]
        )
    ]
    manifest = library / "labelled.jsonl"
    manifest.write_text("\n".join(json.dumps(line) for line in lines))
    job = http.post("/api/v2/jobs", json={"source": {"manifest": str(manifest)}, "collection": "labelled"}).json()
    assert ended(http, job["id"])["indexed"] == len(lines)
    return "labelled"


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
