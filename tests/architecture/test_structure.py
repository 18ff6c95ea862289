"""The tree can be read from the bottom up: no circles, short chains, and constants that load no driver."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

from support.waiting import TIMEOUT

REPOSITORY = Path(__file__).parents[2]
MAX_CHAIN = {"imagesearch_indexer": 6, "imagesearch_api": 8}
"""Modules in the longest chain of imports inside a service: a reader cannot follow more."""
DRIVERS = (
    "sqlalchemy",
    "psycopg2",
    "redis",
    "celery",
    "kombu",
    "pymilvus",
    "flask",
    "PIL",
    "tensorflow",
    "keras",
    "prometheus_client",
)
CONSTANTS = [
    "imagesearch.access.scopes",
    "imagesearch.bands",
    "imagesearch.catalog.constants",
    "imagesearch.catalog.labels",
    "imagesearch.catalog.states",
    "imagesearch.contract",
    "imagesearch.errors",
    "imagesearch.failures",
    "imagesearch.job_progress",
    "imagesearch.metadata",
    "imagesearch.networks",
    "imagesearch.pictures.formats",
    "imagesearch.pipeline",
    "imagesearch.query_contract",
    "imagesearch.similarity",
    "imagesearch.text",
    "imagesearch.vectors",
    "imagesearch.wire",
    "imagesearch_api.limits",
]


@cache
def imports(package: str) -> dict[str, frozenset[str]]:
    """Return what each module of a package imports from the same package, also what only types need."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=False)
    return {
        module: frozenset(graph.find_modules_directly_imported_by(module) & graph.modules) - {package}
        for module in graph.modules
        if module != package
    }


def longest_chain(edges: dict[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the longest row of modules of which each imports the next.

    Raises:
        CycleError: modules import one another in a circle.
    """
    best: dict[str, tuple[str, ...]] = {}
    for module in TopologicalSorter(edges).static_order():
        below = max((best[imported] for imported in edges.get(module, ())), key=len, default=())
        best[module] = (module, *below)
    return max(best.values(), key=len)


def folders(edges: dict[str, frozenset[str]]) -> dict[str, set[str]]:
    """Return what each folder of a package, or module outside of folders, imports from the others."""
    found: dict[str, set[str]] = {}
    for module, imported in edges.items():
        home = module.split(".")[1]
        found.setdefault(home, set()).update({one.split(".")[1] for one in imported} - {home})
    return found


@pytest.mark.parametrize("package", MAX_CHAIN)
def test_the_longest_chain_of_imports_in_a_service_is_short(package: str) -> None:
    chain = longest_chain(imports(package))
    assert len(chain) <= MAX_CHAIN[package], chain


def test_no_folders_of_the_api_import_one_another_in_a_circle() -> None:
    assert list(TopologicalSorter(folders(imports("imagesearch_api"))).static_order())


def test_a_circle_of_folders_is_found_where_no_modules_form_one() -> None:
    edges = {"p.a.x": frozenset({"p.b.x"}), "p.b.y": frozenset({"p.a.y"}), "p.a.y": frozenset({"p.a.x"})}
    assert longest_chain(edges)
    with pytest.raises(CycleError):
        list(TopologicalSorter(folders(edges)).static_order())


def test_a_chain_is_measured_and_a_circle_is_found() -> None:
    assert longest_chain({"a": frozenset("b"), "b": frozenset("c"), "d": frozenset("c")}) == ("a", "b", "c")
    with pytest.raises(CycleError):
        longest_chain({"a": frozenset("b"), "b": frozenset("a")})


def drivers_loaded_by(module: str) -> set[str]:
    script = f"import sys, {module}; print(*(name for name in {DRIVERS!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", CONSTANTS)
def test_importing_a_constant_loads_no_driver(module: str) -> None:
    assert drivers_loaded_by(module) == set()


def test_the_first_process_of_gunicorn_loads_no_metrics_before_their_directory_is_named() -> None:
    assert drivers_loaded_by("imagesearch_api.gunicorn_conf, imagesearch_api.server.worker") <= {"flask"}


def test_a_driver_that_is_loaded_is_seen() -> None:
    assert "sqlalchemy" in drivers_loaded_by("imagesearch.catalog.tables")
