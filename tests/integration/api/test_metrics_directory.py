"""Several worker processes of one gunicorn show together what each of them has counted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from imagesearch_api.metrics_directory import MetricsDirectory
from support.kept_ports import kept_port
from support.system import PLAIN
from support.waiting import TIMEOUT, ended, until

pytestmark = pytest.mark.integration

APP = """
import os
from prometheus_client import generate_latest
from werkzeug.wrappers import Request, Response
from imagesearch.metrics import BATCHES_RESENT, VECTORS_COLLECTED
from imagesearch_api.figures import SystemFigures, registry_of
from imagesearch_api.metrics_directory import VARIABLE

REGISTRY = registry_of(SystemFigures({}))

@Request.application
def app(request):
    if request.path == "/count":
        BATCHES_RESENT.inc()
        return Response(str(os.getpid()), headers={"Connection": "close"})
    if request.path == "/directory":
        return Response(os.environ[VARIABLE])
    return Response(generate_latest(REGISTRY))
"""


def ask(url: str) -> str:
    return httpx.get(url, timeout=TIMEOUT, verify=PLAIN).text


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "counting.py").write_text(APP)
    made = f"http://127.0.0.1:{kept_port()}"
    command = [sys.executable, "-m", "gunicorn", "--config", "python:imagesearch_api.gunicorn_conf"]
    command += ["--workers", "2", "--threads", "1", "--bind", made.removeprefix("http://"), "counting:app"]
    output = tmp_path / "output"

    def answers() -> bool:
        try:
            return bool(ask(made))
        except httpx.TransportError:
            return False

    with output.open("wb") as sink:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=sink, stderr=sink)
    until(answers, alive=process, output=output)
    directory = Path(ask(f"{made}/directory"))
    assert directory.is_dir()
    yield made
    process.terminate()
    assert ended(process) == 0
    assert not directory.exists()


def test_each_worker_shows_what_all_have_counted_also_one_that_was_killed(url: str) -> None:
    counted: list[str] = []
    until(lambda: counted.append(ask(f"{url}/count")) or len(set(counted)) == 2)
    total = f"imagesearch_batches_resent_total {len(counted)}.0\n"
    assert total in ask(url)
    os.kill(int(counted[0]), signal.SIGKILL)
    others: list[str] = []
    until(lambda: others.append(ask(f"{url}/count")) or not set(others) <= set(counted))
    assert f"imagesearch_batches_resent_total {len(counted) + len(others)}.0\n" in ask(url)


def test_a_directory_that_nobody_holds_is_removed_and_one_that_is_held_stays(tmp_path: Path) -> None:
    left = tmp_path / "imagesearch-metrics-left"
    left.mkdir()
    (left / "counter_1.db").write_bytes(b"x")
    with closing(MetricsDirectory(tmp_path)) as first, closing(MetricsDirectory(tmp_path)) as second:
        assert sorted(tmp_path.iterdir()) == sorted([first.path, second.path])
    assert list(tmp_path.iterdir()) == []
