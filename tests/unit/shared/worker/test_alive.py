"""A probe finds a worker alive while its heartbeat is young, and says what is wrong when it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imagesearch.worker import alive
from support.waiting import TIMEOUT


def probe(monkeypatch: pytest.MonkeyPatch, heartbeat: Path) -> int:
    monkeypatch.setenv("HEARTBEAT_FILE", str(heartbeat))
    return alive.main()


def test_a_young_heartbeat_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeat = tmp_path / "heartbeat"
    heartbeat.touch()
    assert probe(monkeypatch, heartbeat) == 0


def test_an_old_heartbeat_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heartbeat = tmp_path / "heartbeat"
    heartbeat.touch()
    touched = heartbeat.stat().st_mtime - alive.MAX_AGE_SECONDS - 60
    os.utime(heartbeat, (touched, touched))
    assert probe(monkeypatch, heartbeat) == 1
    assert "the last heartbeat is" in capsys.readouterr().err


def test_a_worker_that_has_not_begun_is_not_alive_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe(monkeypatch, tmp_path / "none") == 1
    assert "no heartbeat yet" in capsys.readouterr().err


def test_a_probe_without_a_file_to_look_at_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HEARTBEAT_FILE", raising=False)
    assert alive.main() == 1
    assert capsys.readouterr().err == "HEARTBEAT_FILE is not set\n"


def test_a_probe_loads_nothing_but_the_standard_library() -> None:
    script = (
        "import sys, imagesearch.worker.alive\n"
        "print(*{name.partition('.')[0] for name in sys.modules if 'site-packages' in str(getattr(\n"
        "    sys.modules[name], '__file__', ''))})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=TIMEOUT, check=True
    )
    assert not {"pydantic", "structlog", "redis", "celery"} & set(done.stdout.split())
