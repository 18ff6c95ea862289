"""What docs/exports.md says is done as it stands: a collection is exported, fetched and read."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from support.drawing import encoded, photo_like
from support.system import System
from support.waiting import TIMEOUT

pytestmark = pytest.mark.e2e

PAGE = (Path(__file__).parents[2] / "docs/exports.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_a_collection_is_taken_out_as_the_page_says(
    system: System,
    http: httpx.Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"x{uuid4().hex[:12]}"
    assert http.post("/api/v2/collections", json={"name": name}).status_code == 201
    for number in range(3):
        files = {"image": encoded(photo_like(7300 + number))}
        assert http.post(f"/api/v2/collections/{name}/images", files=files).is_success
    monkeypatch.chdir(tmp_path)
    (line,) = blocks("sh")[0].splitlines()
    program, *arguments = shlex.split(line.replace("photos", name))
    command = [Path(sys.executable).with_name(program), "--url", system.url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr
    (code,) = blocks("python")
    exec(compile(code, "exports.md", "exec"), {})  # noqa: S102 - our own page
    printed = capsys.readouterr().out
    assert printed.startswith("3 pictures float32 (3, 512)\n")
    # Below the names of the columns, a line for each of the nearest.
    assert len(printed.splitlines()) == 5
