"""What is downloaded is the published file, or nothing: a server on this machine plays the bad ones."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from imagesearch_extractor.architectures import ARCHITECTURES, Publication
from imagesearch_extractor.downloads import BLOCK, DownloadFailed, fetch

FILE = bytes(range(256)) * 40
MAX_BYTES = 1 << 20


class Server(ThreadingHTTPServer):
    """Serve a file in the way that the path names, and count how often.

    Attributes:
        written: bytes of a body without an end that were sent.
    """

    daemon_threads = False
    """Closing waits for its threads."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.written = 0

    def publication(self, path: str) -> Publication:
        url = f"http://127.0.0.1:{self.server_address[1]}/{path}/weights.h5"
        return Publication(url, hashlib.md5(FILE, usedforsecurity=False).hexdigest(), MAX_BYTES)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        self.server.asked.append(kind)
        getattr(self, f"send_{kind}")()

    def send_whole(self) -> None:
        self.answer(FILE)

    def send_other(self) -> None:
        self.answer(FILE[:-1] + b"x")

    def send_cut(self) -> None:
        if self.server.asked.count("cut") > 1:
            return self.answer(FILE)
        return self.answer(FILE[:500], length=len(FILE))

    def send_missing(self) -> None:
        self.send_error(404)

    def send_moved(self) -> None:
        self.redirect("/whole/weights.h5")

    def send_file(self) -> None:
        self.redirect("file:///etc/hostname")

    def send_https(self) -> None:
        self.redirect("https://127.0.0.1:9/")

    def send_round(self) -> None:
        self.redirect("/round/weights.h5")

    def send_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while self.server.written < 64 * MAX_BYTES:
            try:
                self.server.written += self.wfile.write(b"x" * BLOCK)
            except OSError:
                return

    def send_silent(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1")
        self.end_headers()
        self.rfile.read(1)  # until the other side gives up

    def answer(self, body: bytes, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep Keras' cache in a folder of the test's own, and go to the server without a proxy."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "models"


def refused(server: Server, path: str, timeout: float = 20.0) -> str:
    with pytest.raises(DownloadFailed) as caught:
        fetch(server.publication(path), timeout)
    message = str(caught.value)
    assert "\n" not in message
    assert "allow access to 127.0.0.1, or set WEIGHTS to a file" in message
    return message


@pytest.mark.parametrize("path", ["whole", "moved"])
def test_a_file_is_downloaded_once(server: Server, models: Path, path: str) -> None:
    found = fetch(server.publication(path), 20.0)
    assert (found, found.read_bytes()) == (models / "weights.h5", FILE)
    asked = len(server.asked)
    assert fetch(server.publication(path), 20.0) == found
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("other", f"another file, or a part of it: {len(FILE)} bytes"),
        ("cut", "another file, or a part of it: 500 bytes"),
        ("missing", "404"),
        ("file", "file:///etc/hostname"),
        ("https", "redirected to https://127.0.0.1:9/"),
        ("round", "redirect"),
        ("endless", f"longer than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_not_the_published_file_is_refused(server: Server, models: Path, path: str, reason: str) -> None:
    assert reason in refused(server, path)
    assert list(models.iterdir()) == []


def test_a_body_without_an_end_is_read_up_to_the_bound(server: Server) -> None:
    refused(server, "endless")
    # The rest lay in the buffers of the sockets.
    assert server.written < 32 * MAX_BYTES


def test_a_server_that_sends_nothing_is_given_up(server: Server) -> None:
    assert "timed out" in refused(server, "silent", timeout=0.2)


def test_a_download_that_broke_off_begins_anew(server: Server) -> None:
    refused(server, "cut")
    assert fetch(server.publication("cut"), 20.0).read_bytes() == FILE
    assert server.asked == ["cut", "cut"]


@pytest.mark.parametrize("content", [FILE[:100], b""])
def test_a_damaged_file_in_the_cache_is_replaced(server: Server, models: Path, content: bytes) -> None:
    models.mkdir()
    (models / "weights.h5").write_bytes(content)
    assert fetch(server.publication("whole"), 20.0).read_bytes() == FILE


def test_published_files_are_those_that_keras_takes(tensorflow: None) -> None:
    from keras.src.applications import resnet, vgg16

    made = ARCHITECTURES["vgg16"].publication
    assert made.url == vgg16.WEIGHTS_PATH_NO_TOP
    assert made.md5 in Path(vgg16.__file__).read_text()
    made = ARCHITECTURES["resnet50"].publication
    assert made.url == f"{resnet.BASE_WEIGHTS_PATH}{made.name}"
    assert made.md5 == resnet.WEIGHTS_HASHES["resnet50"][1]
