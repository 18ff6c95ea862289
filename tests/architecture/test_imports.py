"""Dependencies point one way, and no service imports what its image does not hold."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from support.waiting import TIMEOUT

REPOSITORY = Path(__file__).parents[2]
BLOCKED = """
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(f"{{name}} is not part of this image")

sys.meta_path.insert(0, Blocked())
package = importlib.import_module({package!r})
for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not found.name.endswith(".__main__"):
        importlib.import_module(found.name)
print(*sorted(name for name in sys.modules if name.startswith({package!r})))
"""
STARTED = """
import psutil, threading

own = psutil.Process()
assert threading.active_count() == 1, threading.enumerate()
assert not own.net_connections(), own.net_connections()
assert not own.children(), own.children()
"""
DATABASES = ("sqlalchemy", "psycopg2", "alembic", "pymilvus")
NETWORKS = ("tensorflow", "keras", "h5py")


def import_all_without(
    package: str, blocked: tuple[str, ...], *, starts_nothing: bool = False
) -> subprocess.CompletedProcess[str]:
    script = BLOCKED.format(package=package, blocked=set(blocked)) + (STARTED if starts_nothing else "")
    return run([sys.executable, "-c", script])


def run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=TIMEOUT, check=False)


@pytest.mark.parametrize(
    ("package", "blocked"),
    [
        ("imagesearch_api", (*NETWORKS, "imagesearch_extractor", "imagesearch_indexer", "imagesearch_client")),
        ("imagesearch_extractor", (*DATABASES, "flask", "imagesearch_api", "imagesearch_indexer")),
        ("imagesearch_indexer", (*NETWORKS, "flask", "imagesearch_api", "imagesearch_extractor")),
        ("imagesearch_client", (*NETWORKS, *DATABASES, "celery", "redis", "flask", "imagesearch", "numpy")),
    ],
)
def test_every_module_of_a_service_imports_without_what_other_services_need_and_starts_nothing(
    package: str, blocked: tuple[str, ...]
) -> None:
    """No thread, socket or child is left behind: nothing connects before it is asked. TensorFlow has threads."""
    done = import_all_without(package, blocked, starts_nothing=package != "imagesearch_extractor")
    assert done.returncode == 0, done.stderr
    assert package in done.stdout.split()


def test_the_block_stops_what_it_is_meant_to_stop() -> None:
    done = import_all_without("imagesearch_extractor", NETWORKS)
    assert done.returncode != 0
    assert "is not part of this image" in done.stderr


def test_imports_follow_the_contracts_in_pyproject() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = run([lint])
    assert done.returncode == 0, done.stdout


def test_importing_what_they_share_starts_nothing() -> None:
    names = [found.name for found in pkgutil.walk_packages(import_module("imagesearch").__path__, "imagesearch.")]
    modules = [name for name in names if not name.endswith("__main__") and ".migrations" not in name]
    script = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)\n{STARTED}"
    done = run([sys.executable, "-c", script])
    assert done.returncode == 0, done.stderr
