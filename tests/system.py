"""The whole running system, started the way a user starts it, in a directory of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from waiting import until

WEIGHTS = "random:7"


class System:
    """One `up`; settings of the product can be given as environment variables."""

    def __init__(self, folder: Path, images: Path, **environment: str) -> None:
        self.folder = folder
        self.images = images
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = folder / "output"
        self.environment = os.environ | environment
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        command = [sys.executable, "-m", "imagesearch_local", "up", "--port", str(self.port)]
        command += ["--data-dir", str(self.folder / "data"), "--images", str(self.images), "--weights", WEIGHTS]
        with self.output.open("ab") as sink:
            self.process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=self.environment)
        until(self.is_ready, seconds=120, alive=self.process, output=self.output)

    def is_ready(self) -> bool:
        """Tell whether every part of it can work."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """Stop it in order and return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)


def free_port() -> int:
    """Return a loopback port that nothing listens on, below those that outgoing connections are given."""
    first = 10_000 + os.getpid() * 7 % 5_000
    for port in range(first, first + 5_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no port is free")
