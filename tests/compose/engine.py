"""Run Docker's commands, on an engine that runs already or on one that lives as long as the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.waiting import ended, until

PACKAGES = "docker.io, docker-compose, debootstrap and iptables"
OWN = Path("/var/lib/imagesearch-compose")
"""Where an engine of the tests' own keeps its images between two runs."""


class Engine:
    """One engine, and the command that drives compose files on it."""

    def __init__(self) -> None:
        if shutil.which("docker") is None:
            pytest.fail(f"Docker is needed; Debian has it: install {PACKAGES}")
        self.environment = dict(os.environ)
        self._daemon: subprocess.Popen[bytes] | None = None
        if not self._answers():
            self._start()
        # The second version is a part of docker's command, the first a program.
        has_plugin = self.succeeds("docker", "compose", "version")
        self.compose = ["docker", "compose"] if has_plugin else ["docker-compose"]
        # The builder that needs no frontend from a registry.
        self.environment |= {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}

    def run(self, *command: str, **environment: str) -> str:
        """Run a command and return what it printed; fail the test with what it said when it fails."""
        done = subprocess.run(
            command, env=self.environment | environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def succeeds(self, *command: str) -> bool:
        return subprocess.run(command, env=self.environment, capture_output=True, check=False).returncode == 0

    def end(self) -> None:
        """End the engine, if the tests started it."""
        if self._daemon is not None:
            self._daemon.terminate()
            ended(self._daemon)

    def _answers(self) -> bool:
        return self.succeeds("docker", "info")

    def _start(self) -> None:
        if os.geteuid() != 0 or shutil.which("dockerd") is None:
            pytest.fail(f"no Docker engine answers, and none can be started: become root and install {PACKAGES}")
        OWN.mkdir(exist_ok=True)
        socket = f"unix://{OWN}/docker.sock"
        self.environment["DOCKER_HOST"] = socket
        command = ["dockerd", "--host", socket, "--data-root", OWN / "data", "--exec-root", OWN / "run"]
        output = OWN / "dockerd.log"
        with output.open("wb") as sink:
            self._daemon = subprocess.Popen(
                [*command, "--pidfile", OWN / "pid"], stdout=sink, stderr=subprocess.STDOUT
            )
        until(self._answers, alive=self._daemon, output=output)
