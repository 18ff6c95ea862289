"""Callers that say nothing, send slowly, read slowly or do not leave cost a connection and no thread."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from imagesearch_api.server.pacing import MANY_PARTS
from support.kept_ports import kept_port
from support.system import PLAIN
from support.waiting import TIMEOUT, ended, until

pytestmark = pytest.mark.integration

THREADS = 2
CONNECTIONS = 60
APP = """
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import wrap_file

LARGE = b"x" * 40_000_000

@Request.application
def app(request):
    if request.path == "/read":
        return Response(str(len(request.get_data())))
    if request.path == "/large":
        return Response(LARGE)
    if request.path == "/shrunk":
        file = wrap_file(request.environ, open("tiny.py", "rb"))
        return Response(file, direct_passthrough=True, headers={"Content-Length": "1000000"})
    if request.path == "/short":
        return Response(iter([b"x"] * 10), headers={"Content-Length": "1000000"})
    if request.path == "/refuse":
        return Response("refused", status=429)
    return Response("ok")
"""


class Server:
    """One gunicorn with the API's worker and two threads."""

    def __init__(
        self,
        folder: Path,
        *,
        header_timeout: float = 3,
        descriptors: int | None = None,
        connections: int = 1_000,
    ) -> None:
        (folder / "tiny.py").write_text(APP)
        self.port = kept_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "gunicorn", "--config", "python:imagesearch_api.gunicorn_conf"]
        self.path = folder / "socket"
        command += ["--threads", str(THREADS), "--bind", f"127.0.0.1:{self.port}", "--bind", f"unix:{self.path}"]
        command += ["--worker-connections", str(connections), "tiny:app"]
        if descriptors is not None:
            command = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *command]
        settings = {"HEADER_TIMEOUT": str(header_timeout), "BODY_TIMEOUT": "3", "SEND_TIMEOUT": "3"}
        self.output = folder / "output"
        with self.output.open("wb") as sink:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=sink, stderr=sink, env={**os.environ, **settings}
            )

    def connect(self, sent: bytes, receives: int | None = None, source: str = "127.0.0.1") -> socket.socket:
        """Open a connection and send some bytes."""
        made = socket.socket()
        made.bind((source, 0))
        if receives is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        made.settimeout(TIMEOUT)
        made.connect(("127.0.0.1", self.port))
        made.sendall(sent)
        return made

    def connect_locally(self, sent: bytes) -> socket.socket:
        """Open a connection through the Unix socket and send some bytes."""
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(TIMEOUT)
        made.connect(str(self.path))
        made.sendall(sent)
        return made

    def answers(self) -> bool:
        """Tell whether a plain request is answered."""
        try:
            return httpx.get(self.url, timeout=TIMEOUT, verify=PLAIN).text == "ok"
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("serving"))
    until(made.answers, alive=made.process, output=made.output)
    yield made
    made.process.terminate()
    assert ended(made.process) == 0


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits for heads longer than any test, and has few connections."""
    made = Server(tmp_path_factory.mktemp("patient"), header_timeout=10 * TIMEOUT, connections=CONNECTIONS)
    until(made.answers, alive=made.process, output=made.output)
    yield made
    made.process.terminate()
    assert ended(made.process) == 0


@pytest.fixture
def short(tmp_path: Path) -> Iterator[Server]:
    """A server with few descriptors."""
    made = Server(tmp_path, descriptors=64)
    until(made.answers, alive=made.process, output=made.output)
    yield made
    made.process.terminate()
    assert ended(made.process) == 0


def received(one: socket.socket) -> bytes:
    """Return all that a connection gets until the other side ends it."""
    parts = []
    try:
        while part := one.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
BODY = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET", HEAD, HEAD[:-1]])
def test_a_request_that_is_not_there_yet_holds_no_thread(server: Server, sent: bytes) -> None:
    silent = [server.connect(sent) for _ in range(20 * THREADS)]
    assert all(server.answers() for _ in range(5))
    assert [received(one) for one in silent] == [b""] * len(silent)
    for one in silent:
        one.close()


def test_a_head_that_comes_in_pieces_is_answered(patient: Server) -> None:
    with patient.connect(HEAD) as slow:
        assert patient.answers()
        slow.sendall(b"Connection: close\r\n")
        assert patient.answers()
        slow.sendall(b"\r\n")
        assert received(slow).endswith(b"ok")


def test_requests_on_one_connection_are_answered_in_turn(patient: Server) -> None:
    request = HEAD + b"\r\n"
    with patient.connect(request + request[:10]) as one:
        assert patient.answers()
        one.sendall(request[10:-2] + b"Connection: close\r\n\r\n")
        assert received(one).count(b"HTTP/1.1 200") == 2


def test_a_body_that_comes_too_slowly_is_cut_off(server: Server) -> None:
    slow = [server.connect(BODY + b"x") for _ in range(THREADS)]
    until(server.answers)
    for one in slow:
        assert b" 200 " not in received(one)
        one.close()


def test_a_body_of_some_size_has_more_time(server: Server) -> None:
    part = b"x" * 250_000
    with server.connect(BODY.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) as steady:
        for _ in range(4):
            steady.sendall(part)
        assert received(steady).endswith(b"1000000")


@pytest.mark.parametrize(("chunks", "is_read"), [(MANY_PARTS, True), (2 * MANY_PARTS, False)])
def test_a_body_comes_in_so_many_chunks(server: Server, chunks: int, is_read: bool) -> None:
    head = b"POST /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server.connect(head + b"1\r\nx\r\n" * chunks + b"0\r\n\r\n") as sender:
        assert received(sender).endswith(str(chunks).encode()) == is_read


def test_a_reader_that_takes_nothing_is_cut_off(server: Server) -> None:
    request = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
    readers = [server.connect(request, receives=4096) for _ in range(THREADS)]
    until(server.answers)
    for one in readers:
        assert len(received(one)) < 40_000_000
        one.close()


@pytest.mark.parametrize("path", [b"/shrunk", b"/short"])
def test_no_answer_arrives_within_one_that_is_shorter_than_announced(server: Server, path: bytes) -> None:
    request = HEAD + b"\r\n"
    with server.connect(request.replace(b"/", path, 1) + request) as one:
        assert received(one).count(b"HTTP/1.1") == 1


def test_an_answer_without_a_body_keeps_the_connection(server: Server) -> None:
    request = HEAD.replace(b"GET", b"HEAD")
    with server.connect(request + b"\r\n" + request + b"Connection: close\r\n\r\n") as one:
        assert received(one).count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize("size", [10, 30_000_000])
def test_a_refusal_is_read_by_whoever_sends_a_large_body(server: Server, size: int) -> None:
    with httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:
        for _ in range(3):
            response = client.post("/refuse", content=b"x" * size)
            assert (response.status_code, response.text) == (429, "refused")


def test_refused_senders_hold_no_thread(server: Server) -> None:
    head = BODY.replace(b"/read", b"/refuse")
    senders = [server.connect(head + b"x" * 1000) for _ in range(20 * THREADS)]
    assert server.answers()
    for one in senders:
        answer = one.recv(1_000)
        assert answer.startswith(b"HTTP/1.1 429")
        # The rest of the body would be taken for the next request.
        assert b"connection: close" in answer.lower()
        one.close()


def test_callers_that_do_not_leave_hold_up_nobody(server: Server) -> None:
    request = HEAD + b"Connection: close\r\n\r\n"
    staying = [server.connect(request) for _ in range(20)]
    for one in staying:
        assert received(one).endswith(b"ok")
    assert server.answers()
    for one in staying:
        # The server listens to them still: it would have cut them off if it had waited for one after the other.
        one.sendall(b"x")
        one.sendall(b"x")
        one.close()


def test_a_request_that_waits_for_a_thread_is_answered(server: Server) -> None:
    slow = [server.connect(BODY + b"x") for _ in range(THREADS)]
    with server.connect(HEAD + b"Connection: close\r\n\r\n") as waiting:
        assert received(waiting).endswith(b"ok")
    for one in slow:
        one.close()


def test_a_url_may_be_as_long_as_the_longest_path_in_its_percent_encoding(server: Server) -> None:
    answered = httpx.get(
        server.url, params={"path": "/" + "\N{GREEK SMALL LETTER ALPHA}" * 1_200}, timeout=TIMEOUT
    )
    assert len(str(answered.request.url)) > 7_200
    assert (answered.status_code, answered.text) == (200, "ok")


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_a_head_that_is_too_long_is_refused_and_holds_no_thread(server: Server, end: bytes) -> None:
    lines = b"".join(b"X-%d: " % number + b"x" * 7000 + b"\r\n" for number in range(5))
    senders = [server.connect(HEAD + lines + end) for _ in range(20 * THREADS)]
    assert server.answers()
    for one in senders:
        assert received(one).startswith(b"HTTP/1.1 431")
        one.close()


@pytest.mark.parametrize("line", [b"Host: y", b"Content-Length: 1\r\nTransfer-Encoding: chunked", b"a b: c"])
def test_a_malformed_head_is_refused_and_told_so(server: Server, line: bytes) -> None:
    with server.connect(HEAD + line + b"\r\n\r\n") as sender:
        assert received(sender).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", HEAD])
def test_a_caller_that_leaves_in_its_head_is_left(patient: Server, sent: bytes) -> None:
    for connect in (patient.connect, patient.connect_locally):
        with connect(sent) as leaving:
            leaving.shutdown(socket.SHUT_WR)
            assert received(leaving) == b""


def test_a_caller_that_sends_no_more_than_its_head_is_answered(patient: Server) -> None:
    for connect in (patient.connect, patient.connect_locally):
        with connect(HEAD + b"\r\n") as leaving:
            leaving.shutdown(socket.SHUT_WR)
            assert received(leaving).endswith(b"ok")


@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + b"\r\n"])
def test_an_address_that_opens_every_connection_keeps_no_other_out(patient: Server, sent: bytes) -> None:
    with patient.connect(HEAD, source="127.0.0.2") as neighbour, ExitStack() as many:
        for _ in range(3 * CONNECTIONS):
            many.enter_context(patient.connect(sent))
        with patient.connect(HEAD + b"Connection: close\r\n\r\n", source="127.0.0.3") as late:
            assert received(late).endswith(b"ok")
        neighbour.sendall(b"Connection: close\r\n\r\n")
        assert received(neighbour).endswith(b"ok")


def test_a_worker_that_runs_out_of_descriptors_goes_on(short: Server) -> None:
    for _ in range(2):
        many = [short.connect(b"GET") for _ in range(100)]
        until(lambda: b"No connection can be accepted" in short.output.read_bytes())
        for one in many:
            one.close()
        until(short.answers)
    said = short.output.read_text()
    assert "exited" not in said
    assert said.count("No connection can be accepted") == 1
