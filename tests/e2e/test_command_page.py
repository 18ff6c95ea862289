"""The examples of docs/command.md, run as they stand in a shell: each prints what is shown below it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.drawing import encoded, photo_like
from support.system import System
from support.waiting import TIMEOUT

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs" / "command.md"
PICTURES = {"beach.jpg": "JPEG", "hut.jpg": "JPEG", "notes.png": "PNG"}


def examples() -> list[tuple[str, str]]:
    """Return each command that follows a prompt, with what is shown below it."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


def plain(printed: str) -> str:
    """Leave out what differs from one run to the next: ids, times, and where uploads lie."""
    for pattern, shown in (
        (r'"id": \d+', '"id": N'),
        (r"Job [0-9a-f-]{36}", "Job N"),
        (r" in \d+ s$", " in N s"),
        (r"\t/\S+", "\t/..."),
    ):
        printed = re.sub(pattern, shown, printed, flags=re.MULTILINE)
    return printed


def run(command: str, folder: Path, environment: dict[str, str], lines: int) -> str:
    """Run a command, and return what it prints; one that goes on is stopped when it has printed so many lines."""
    shell = ["bash", "-euo", "pipefail", "-c", command]
    with subprocess.Popen(
        shell, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        printed = ""
        if "--watch" in command:
            printed = "".join(running.stdout.readline() for _ in range(lines))
            running.send_signal(signal.SIGINT)
        rest, said = running.communicate(timeout=TIMEOUT)
        assert running.returncode == (130 if "--watch" in command else 0), f"{command}: {said}"
    return printed + rest


def test_the_examples_print_what_is_shown(system: System, library: Path, tmp_path: Path) -> None:
    folder = library / "command-page"
    (folder / "holiday").mkdir(parents=True)
    for number, (name, file_format) in enumerate(PICTURES.items()):
        (folder / "holiday" / name).write_bytes(encoded(photo_like(8800 + number), file_format))
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "IMAGESEARCH_URL": system.url, "HOME": str(tmp_path)}
    for command, shown in examples():
        printed = run(command, folder, environment, shown.count("\n"))
        assert plain(printed) == plain(shown), command
