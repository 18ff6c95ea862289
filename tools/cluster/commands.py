"""Run a program to its end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType


class CommandFailed(Exception):
    """A program ended with an error; the message holds what it said."""


def run(
    *command: str,
    given: str | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Run a command and return what it printed.

    Args:
        command: the program, and its arguments.
        given: what it reads.
        folder: where it runs; where this process does, otherwise.
        environment: what it has of its own besides this process' environment.

    Raises:
        CommandFailed: it ended with an error.
    """
    done = subprocess.run(
        command,
        input=given,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout
