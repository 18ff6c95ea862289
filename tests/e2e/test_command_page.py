"""The examples of docs/command.md, run as they stand in a shell: each prints what is shown below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.drawing import encoded, photo_like
from support.system import System

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs" / "command.md"
PICTURES = {"beach.jpg": "JPEG", "hut.jpg": "JPEG", "notes.png": "PNG"}


def examples() -> list[tuple[str, str]]:
    """Return each command that follows a prompt, with what is shown below it."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


def plain(printed: str) -> str:
    """Leave out what differs from one run to the next: ids, and where uploads lie."""
    return re.sub(r"\t/\S+", "\t/...", re.sub(r'"id": \d+', '"id": N', printed))


def test_the_examples_print_what_is_shown(system: System, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    for number, (name, file_format) in enumerate(PICTURES.items()):
        (tmp_path / "holiday" / name).write_bytes(encoded(photo_like(8800 + number), file_format))
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "IMAGESEARCH_URL": system.url, "HOME": str(tmp_path)}
    for command, shown in examples():
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{command}: {ran.stderr}"
        assert plain(ran.stdout) == plain(shown), command
