"""A web server on loopback that speaks TLS under a name of its own, for tests of fetching."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from support.waiting import TIMEOUT

HOST = "pictures.example"


def certificate(folder: Path, host: str = HOST) -> Path:
    """Make a key and a certificate for a name in one file, and return its path."""
    path = folder / "server.pem"
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=TIMEOUT)
    path.write_bytes(key.read_bytes() + cert.read_bytes())
    return path


@dataclass
class Seen:
    """What one request brought: the name in the TLS greeting, the lines of the request, and its body."""

    server_name: str | None
    lines: list[str]
    body: bytes = b""


@dataclass
class TlsServer:
    """Answer each request by what `answer` sends; one connection at a time.

    Attributes:
        answer: gets the path, a function that sends bytes, and an event that is set when the test is over.
    """

    pem: Path
    answer: Callable[[str, Callable[[bytes], None], Event], None]
    seen: list[Seen] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.pem)
        self._context.sni_callback = self._greet
        self._name: str | None = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def trust(self) -> ssl.SSLContext:
        """Return a context that trusts this server, and no other."""
        return ssl.create_default_context(cafile=str(self.pem))

    def close(self) -> None:
        """Wake the thread with a connection that says nothing, and wait for it."""
        self.over.set()
        with socket.create_connection(("127.0.0.1", self.port)):
            pass
        self._thread.join(TIMEOUT)
        self._socket.close()

    def _greet(self, _: object, name: str | None, __: object) -> None:
        self._name = name

    def _serve(self) -> None:
        while not self.over.is_set():
            raw, _ = self._socket.accept()
            if self.over.is_set():
                raw.close()
                return
            try:
                with self._context.wrap_socket(raw, server_side=True) as connection:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += connection.recv(4096) or _hung_up()
                    head, _, body = head.partition(b"\r\n\r\n")
                    lines = head.decode().split("\r\n")
                    while len(body) < _length(lines):
                        body += connection.recv(4096) or _hung_up()
                    self.seen.append(Seen(self._name, lines, body))
                    self.answer(lines[0].split(" ")[1], connection.sendall, self.over)
            except OSError:
                continue


def _length(lines: list[str]) -> int:
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(headers.get("content-length", "0"))


def _hung_up() -> bytes:
    raise ConnectionResetError


def response(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """Return a whole answer."""
    lines = {"Content-Length": str(len(body)), "Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body
