"""On the running system: slow indexers, slow senders, slow readers and large pictures stop no search."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

from imagesearch_local.control import Control
from imagesearch_local.layout import Layout
from support.drawing import encoded, photo_like
from support.following import ended
from support.system import System
from support.waiting import TIMEOUT, hold, until

pytestmark = pytest.mark.integration

MEGABYTE = 2**20
PEAK = 2400 * MEGABYTE
"""What docs/operations.md promises of one process of the API."""
LANES = {"MAX_CHANGES": "3", "MAX_FILES": "3", "MAX_SUBMISSIONS": "2", "MAX_PICTURES": "3"}
SHORT = {"INDEX_TIMEOUT": "15", "DELETE_TIMEOUT": "15"}
"""An indexer that hangs is waited for in vain."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    images = tmp_path_factory.mktemp("images").resolve()
    made = System(tmp_path_factory.mktemp("system"), images, has_networks=False, **LANES, **SHORT)
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="module")
def http(system: System) -> Iterator[httpx.Client]:
    limits = httpx.Limits(max_connections=100)
    with httpx.Client(base_url=system.url, timeout=TIMEOUT, limits=limits) as client:
        assert client.post("/api/v2/collections", json={"name": "album"}).status_code == 201
        yield client


@pytest.fixture(scope="module")
def known(http: httpx.Client) -> int:
    """The id of an image whose file is large."""
    noise = Image.effect_noise((3600, 3600), 100)
    made = http.post("/api/v2/collections/album/images", files={"image": encoded(noise, "PNG", compress_level=1)})
    assert made.status_code in (201, 202), made.text
    if made.status_code == 202:  # the machine is busy, and this system waits for indexers for a short time only
        ended(http, made.json()["job"])
    number: int = made.json()["id"]
    return number


@pytest.fixture
def stopped(system: System) -> Iterator[None]:
    """The indexer hangs."""
    pid = Control(Layout.at(system.folder / "data")).pid("indexer")
    assert pid is not None
    found = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for one in found:
        hold(one.pid)
    yield
    for one in found:
        one.send_signal(signal.SIGCONT)


def answers(http: httpx.Client, known: int) -> None:
    """Check that all goes on which needs neither the indexer nor a place that others hold."""
    assert http.get("/healthz").status_code == 200
    assert http.get("/metrics").status_code == 200
    assert http.get("/api/v1/process").status_code == 200
    assert http.get("/api/v2/jobs").status_code == 200
    for body in ({"image_id": known}, {"vector": [1.0] * 512}):
        response = http.post("/api/v2/collections/album/search", json=body)
        assert response.status_code == 200, response.text


def at_once(works: list[Callable[[], httpx.Response]], meanwhile: Callable[[], None]) -> Counter[int]:
    """Do all at the same time, something else meanwhile, and return how often there was which status."""
    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(work) for work in works]
        meanwhile()
        return Counter(future.result().status_code for future in futures)


def test_an_indexer_that_hangs_stops_no_search(http: httpx.Client, known: int, stopped: None) -> None:
    uploads: list[Callable[[], httpx.Response]] = [
        partial(http.post, "/api/v2/collections/album/images", files={"image": encoded(photo_like(seed))})
        for seed in range(10)
    ]
    for number in range(10):
        assert http.post("/api/v2/collections", json={"name": f"gone{number}"}).status_code == 201
    deletes = [partial(http.delete, f"/api/v2/collections/gone{number}") for number in range(10)]
    found = at_once([*uploads, *deletes], lambda: answers(http, known))
    assert found[429] > 0
    assert found[202] >= 3
    assert found.total() == found[429] + found[202]


def connect(system: System, head: str, receives: int | None = None) -> socket.socket:
    made = socket.socket()
    if receives is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    made.settimeout(TIMEOUT)
    made.connect(("127.0.0.1", system.port))
    made.sendall(head.encode())
    return made


def test_slow_readers_of_files_stop_no_search(system: System, http: httpx.Client, known: int) -> None:
    head = f"GET /api/v2/images/{known}/file HTTP/1.1\r\nHost: 127.0.0.1:{system.port}\r\n\r\n"
    readers = [connect(system, head, receives=4096) for _ in range(60)]
    begun = [one.recv(12) for one in readers]
    assert Counter(begun) == {b"HTTP/1.1 200": 3, b"HTTP/1.1 429": 57}
    answers(http, known)
    assert http.get(f"/api/v2/images/{known}/file").status_code == 429
    assert http.get(f"/api/v2/images/{known}/thumbnail").status_code == 200
    for one in readers:
        one.close()
    until(lambda: http.get(f"/api/v2/images/{known}/file").status_code == 200)


@pytest.mark.parametrize(
    "asked",
    [
        ("/api/v2/collections/album/images", "multipart/form-data; boundary=x", 57),
        ("/api/v2/jobs", "application/json", 58),
        ("/api/v2/compare", "multipart/form-data; boundary=x", 57),
    ],
)
def test_slow_senders_stop_no_search(
    system: System, http: httpx.Client, known: int, asked: tuple[str, str, int]
) -> None:
    path, kind, refused = asked
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{system.port}\r\nContent-Type: {kind}\r\n"
    senders = [connect(system, f"{head}Content-Length: 10000000\r\n\r\n--x") for _ in range(60)]
    answers(http, known)
    for one in senders:
        one.setblocking(False)
    seen: set[int] = set()

    def were_turned_away() -> bool:
        for index, one in enumerate(senders):
            try:
                if index not in seen and one.recv(12) == b"HTTP/1.1 429":
                    seen.add(index)
            except BlockingIOError:
                continue
        return len(seen) == refused

    until(were_turned_away)
    answers(http, known)
    for one in senders:
        one.close()


def posters() -> list[bytes]:
    """Return files of few bytes and 63 megapixels, one of each kind that costs most to decode."""
    flat = Image.new("RGB", (9000, 7000), "teal")
    clear = Image.new("RGBA", (9000, 7000), (10, 120, 90, 120))
    return [
        encoded(flat, "JPEG", progressive=True, subsampling=0),
        encoded(clear, "WEBP", method=0),
        encoded(clear, "PNG", compress_level=1),
        encoded(clear, "TIFF", compression="tiff_lzw"),
        encoded(flat.convert("CMYK"), "JPEG", progressive=True),
    ]


def api_process(system: System) -> psutil.Process:
    """Return the process that answers."""
    pid = Control(Layout.at(system.folder / "data")).pid("api")
    assert pid is not None
    [worker] = psutil.Process(pid).children()
    return worker


def test_sixteen_posters_at_once_stay_within_the_memory_that_is_promised(
    system: System, http: httpx.Client, known: int
) -> None:
    drawn = posters()
    # Bytes behind a picture are no part of it, and are held all the same.
    large = drawn[0] + os.urandom(15 * MEGABYTE)

    def ask(place: int) -> httpx.Response:
        picture = large if place % 4 == 3 else drawn[place % len(drawn)]
        url = "/api/v2/collections/album"
        kinds: list[tuple[str, dict[str, Any]]] = [
            (f"{url}/search", {"image": picture}),
            (f"{url}/images", {"image": picture}),
            ("/api/v2/compare", {"a": picture, "b": picture}),
        ]
        path, files = kinds[place % 3]
        return http.post(path, files=files)

    for _ in range(2):
        found = at_once([partial(ask, index) for index in range(16)], lambda: answers(http, known))
        assert set(found) <= {200, 201, 202, 429, 503}
        assert found[200] + found[201] + found[202] > 0
    status = Path(f"/proc/{api_process(system).pid}/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]
    assert peak < PEAK, f"{peak / MEGABYTE:.0f} MB"
    until(lambda: api_process(system).memory_info().rss < PEAK / 4)
