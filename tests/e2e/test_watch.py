"""A folder is followed by the command as it is installed: what comes, moves and goes is so in the collection."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from support.drawing import encoded, photo_like
from support.system import System
from support.waiting import TIMEOUT, until

pytestmark = pytest.mark.e2e


def test_a_folder_is_followed(system: System, http: httpx.Client, library: Path) -> None:
    folder = library / "followed"

    def write(name: str, number: int) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(photo_like(8900 + number, (160, 120))))

    def holds(*names: str) -> Callable[[], bool]:
        def told() -> bool:
            answer = http.get("/api/v2/collections/followed/images")
            items = answer.json().get("items", []) if answer.is_success else []
            return {item["path"] for item in items} == {f"{folder}/{name}" for name in names}

        return told

    write("a.jpg", 0)
    write("old/b.jpg", 1)
    program = Path(sys.executable).with_name("imagesearch")
    command = [program, "index", str(folder), "--watch", "--collection", "followed"]
    environment = {**os.environ, "IMAGESEARCH_URL": system.url}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as following:
        try:
            until(holds("a.jpg", "old/b.jpg"), alive=following)
            write("c.jpg", 2)
            write("new/deep/d.jpg", 3)
            (folder / "a.jpg").unlink()
            until(holds("old/b.jpg", "c.jpg", "new/deep/d.jpg"), alive=following)
            (folder / "old").rename(folder / "moved")
            until(holds("moved/b.jpg", "c.jpg", "new/deep/d.jpg"), alive=following)
            shutil.rmtree(folder / "new")
            until(holds("moved/b.jpg", "c.jpg"), alive=following)
        finally:
            following.send_signal(signal.SIGINT)
            _, said = following.communicate(timeout=TIMEOUT)
    assert (following.returncode, said.decode()) == (130, "")
