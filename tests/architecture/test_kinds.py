"""Nobody asks a job for its kind: what a kind does in its own way is chosen in one table."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagesearch.contract import JobKind
from imagesearch_indexer.tasks import KINDS

REPOSITORY = Path(__file__).parents[2]
PRODUCT = ("shared/src", "services", "deploy/local/src")
HOME = REPOSITORY / "shared/src/imagesearch/catalog/jobs/job.py"
"""Where a job is told apart from others, by properties that say what is different."""
CONSTANTS = ("INDEX", "REINDEX", "DUPLICATES")
NO_JOBS = ("entry", "finding")
"""Names of other things that have a kind: entries of picture files, findings of a reconciliation."""


def is_kind(node: ast.expr) -> bool:
    """Tell whether an expression is the kind of a job."""
    if isinstance(node, ast.Tuple | ast.Set | ast.List):
        return any(map(is_kind, node.elts))
    if isinstance(node, ast.Constant):
        return node.value in set(JobKind)
    if isinstance(node, ast.Name):
        return node.id in CONSTANTS
    if not isinstance(node, ast.Attribute):
        return False
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    return owner == "JobKind" or node.attr in CONSTANTS or (node.attr == "kind" and owner not in NO_JOBS)


def choices(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield comparisons with a kind, and matches on one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(map(is_kind, (node.left, *node.comparators))):
            yield node
        elif isinstance(node, ast.Match) and is_kind(node.subject):
            yield node.subject


def test_nobody_asks_a_job_for_its_kind() -> None:
    files = [path for folder in PRODUCT for path in sorted((REPOSITORY / folder).rglob("*.py")) if path != HOME]
    assert len(files) > 100
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in files
        for node in choices(ast.parse(path.read_text()))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "if job.kind == jobs.INDEX: pass",
        "build = get(tx) if job.kind != REINDEX else None",
        "job.kind in (jobs.REINDEX, jobs.DUPLICATES)",
        "kind is JobKind.INDEX",
        "match job.kind:\n    case 'index': pass",
        "kind == 'index'",
        "kind in ('reindex', 'duplicates')",
        "wanted == jobs.DUPLICATES",
    ],
)
def test_a_choice_by_kind_is_found(code: str) -> None:
    assert list(choices(ast.parse(code)))


@pytest.mark.parametrize("code", ["indexer.kinds[job.kind].plan(indexer, job)", "NewJob(kind=jobs.REINDEX)"])
def test_a_kind_that_is_only_passed_on_is_none(code: str) -> None:
    assert not list(choices(ast.parse(code)))


def test_the_table_holds_every_kind() -> None:
    assert set(KINDS) == set(JobKind)
