"""The whole running system, started the way a user starts it, in a directory of its own."""

from __future__ import annotations

import math
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import httpx

from support.kept_ports import kept_port
from support.waiting import TIMEOUT, ended, until

WEIGHTS = "random:7"
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody. What tests start speaks plain HTTP, and httpx takes 25 ms a client to load whom to trust."""
STAND_IN = Path(__file__).parent / "faults" / "launch.py"
PATIENT = {
    "BULK_NICENESS": "0",
    "QUERY_TIMEOUT": str(TIMEOUT / 4),
    "INDEX_TIMEOUT": str(TIMEOUT * 3 / 4),
    "DELETE_TIMEOUT": str(TIMEOUT / 4),
    "MILVUS_TIMEOUT": str(TIMEOUT / 4),
    "REDIS_TIMEOUT": "30",
    "DATABASE_CONNECT_TIMEOUT": "30",
}
"""A busy machine changes no answer: nothing of the system yields to other work or gives up soon."""


class System:
    """One `up`; settings of the product can be given as environment variables."""

    def __init__(
        self, folder: Path, images: Path, *, has_networks: bool = True, weights: str = WEIGHTS, **environment: str
    ) -> None:
        """Choose a port.

        Args:
            folder: holds all that it remembers.
            images: the root of what it may read.
            has_networks: without them extractors start in a second, and draw vectors from a picture's colours.
            weights: of its network.
            environment: settings of the product.
        """
        self.folder = folder
        self.images = images
        self._weights = weights
        self.port = kept_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = folder / "output"
        self.environment = os.environ | PATIENT | environment
        self._program = ["-m", "imagesearch_local"] if has_networks else [str(STAND_IN)]
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start it and wait until it is ready, for as long as it lives: a busy machine takes minutes."""
        command = [sys.executable, *self._program, "up", "--port", str(self.port)]
        command += [
            "--data-dir",
            str(self.folder / "data"),
            "--images",
            str(self.images),
            "--weights",
            self._weights,
        ]
        with self.output.open("ab") as sink:
            self.process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=self.environment)
        until(self.is_ready, seconds=math.inf, alive=self.process, output=self.output)

    def is_ready(self) -> bool:
        """Tell whether every part of it can work."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=TIMEOUT, verify=PLAIN).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """Stop it in order and return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return ended(self.process)
