"""The release before this one: its files from the history of the repository, run beside the files of today."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import httpx

from support.faults.living import LAUNCHER, QUICK, Living
from support.kept_ports import kept_port
from support.system import PATIENT
from support.waiting import TIMEOUT, ended, until

REPOSITORY = Path(__file__).resolve().parents[3]
RELEASE = "d6212cf6baf71334b731381d3509f516dafa1350"
"""What is called the release before: it is moved on together with the changelog."""
SOURCES = (
    "shared/src",
    "services/api/src",
    "services/extractor-worker/src",
    "services/indexer-worker/src",
    "client/src",
    "deploy/local/src",
)


def former_python(folder: Path) -> Path:
    """Lay the files of the release before into a folder, and return a Python that runs them.

    It has today's packages, none of which is fetched: where the release needs others, this says so by failing.
    """
    found = _git("cat-file", "-e", f"{RELEASE}^{{commit}}")
    # A clone without the history cannot tell whether an upgrade works: that must not read as if it did.
    assert not found.returncode, (
        f"this clone does not hold the release before this one, {RELEASE[:12]}: `git fetch --unshallow` brings it"
    )
    packed = _git("archive", RELEASE)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    venv.create(folder / ".venv", symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / ".venv")}))
    lines = [str(folder / source) for source in SOURCES] + [sysconfig.get_path("purelib")]
    (packages / "release.pth").write_text("\n".join(lines))
    return folder / ".venv" / "bin" / "python"


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(REPOSITORY), *arguments], capture_output=True, check=False)


class Former(Living):
    """A stack of the release before this one."""

    def __init__(self, folder: Path, images: Path, **environment: str) -> None:
        """Lay its files into the folder."""
        super().__init__(folder, images, **environment)
        release = folder / "release"
        release.mkdir(parents=True)
        launcher = release / LAUNCHER.relative_to(REPOSITORY)
        self._command[:2] = [str(former_python(release)), str(launcher)]


class Present:
    """Processes of today's files, beside a stack of the release before and on its stores."""

    def __init__(self, stack: Living, folder: Path, **environment: str) -> None:
        """Start nothing yet."""
        self.port = kept_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=TIMEOUT)
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        settings = stack.settings | {"PORT": str(self.port), "API_KEYS": "false", "LOG_FORMAT": "console"}
        self._environment = inherited | QUICK | PATIENT | environment | settings
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def migrate(self) -> None:
        """Bring the schema to today's."""
        self._start("migrate", "-m", "imagesearch.catalog.migrate")
        assert ended(self._running.pop("migrate")) == 0, self.log("migrate")

    def start_workers(self) -> None:
        """Start an extractor of each kind and an indexer."""
        stand_in = str(LAUNCHER.with_name("standin.py"))
        self._start("extractor", stand_in, "--queue", "extract")
        self._start("extractor-query", stand_in, "--queue", "query")
        self._start("indexer", "-m", "imagesearch_indexer", "worker")

    def start_scheduler(self) -> None:
        """Start the only scheduler that there may be."""
        self._start("scheduler", "-m", "imagesearch_indexer", "scheduler")

    def start_api(self) -> None:
        """Start an API and wait until it can be asked."""
        self._start(
            "api",
            *("-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}"),
            *("--config", "python:imagesearch_api.gunicorn_conf", "imagesearch_api.app:create_app()"),
        )
        until(self.is_ready, alive=self._running["api"], output=self._folder / "api.log")

    def is_ready(self) -> bool:
        """Tell whether every part of it can work."""
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def log(self, name: str) -> str:
        """Return what a process has written so far."""
        path = self._folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> dict[str, int]:
        """Stop everything in good order, and return the exit statuses."""
        self.http.close()
        for process in self._running.values():
            process.terminate()
        return {name: ended(process) for name, process in self._running.items()}

    def _start(self, name: str, *arguments: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as sink:
            command = [sys.executable, "-P", *arguments]
            self._running[name] = subprocess.Popen(
                command, stdout=sink, stderr=subprocess.STDOUT, env=self._environment, cwd=self._folder
            )
