"""The system of docker-compose.yml on an engine: up, down, and what happens to containers in between."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from compose.engine import Engine
from compose.images import REPOSITORY

PROJECT = "imagesearch-test"
COMPOSE = REPOSITORY / "docker-compose.yml"


class Stack:
    """One project of compose, with an environment file that `init.sh` made and settings of the tests below it."""

    def __init__(self, engine: Engine, folder: Path, pictures: Path, **settings: str) -> None:
        self.engine = engine
        self.environment = folder / "env"
        engine.run("sh", str(REPOSITORY / "deploy/compose/init.sh"), str(pictures), ENV_FILE=str(self.environment))
        self.change(**settings)

    def change(self, **settings: str) -> None:
        """Give settings another value; the last line with a name counts."""
        with self.environment.open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())

    @property
    def command(self) -> list[str]:
        """Return the command of compose for the project."""
        options = ["--project-name", PROJECT, "--env-file", str(self.environment), "--file", str(COMPOSE)]
        return [*self.engine.compose, *options]

    def compose(self, *arguments: str) -> str:
        """Run a command of compose on the project."""
        return self.engine.run(*self.command, *arguments)

    @property
    def url(self) -> str:
        """Return where the API is published now."""
        return f"http://{self.compose('port', 'api', '5000').strip()}"

    def containers(self, *services: str) -> list[dict[str, Any]]:
        """Return what the engine says about the containers of some services, or of all."""
        ids = self.compose("ps", "--quiet", *services).split()
        found: list[dict[str, Any]] = json.loads(self.engine.run("docker", "inspect", *ids)) if ids else []
        return found

    def crash(self, container: dict[str, Any]) -> None:
        """Kill everything in a container as a crash would, so that the engine starts it again.

        `docker kill` would count as the operator's wish that it stays down.
        """
        for line in self.engine.run("docker", "top", container["Id"], "-eo", "pid").splitlines()[1:]:
            try:
                os.kill(int(line), signal.SIGKILL)
            except ProcessLookupError:
                continue

    def down(self) -> None:
        """Remove the containers, networks and volumes of the project."""
        self.compose("--profile", "ops", "down", "--volumes", "--remove-orphans", "--timeout", "60")


def service_of(container: dict[str, Any]) -> str:
    """Return the service that a container belongs to."""
    name: str = container["Config"]["Labels"]["com.docker.compose.service"]
    return name
