"""Run a program to its end."""

from __future__ import annotations

import subprocess


class CommandFailed(Exception):
    """A program ended with an error; the message holds what it said."""


def run(*command: str, given: str | None = None) -> str:
    """Run a command and return what it printed; raises CommandFailed."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout
