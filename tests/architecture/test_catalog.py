"""The catalogue alone speaks SQL, and a job changes its state only by the transitions that the catalogue names."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagesearch.catalog import jobs
from imagesearch.catalog.jobs import rows, transitions

REPOSITORY = Path(__file__).parents[2]
CATALOGUE = REPOSITORY / "shared/src/imagesearch/catalog"
PRODUCT = ("shared/src", "services", "deploy/local/src", "client/src", "bench", "tools")
BARE = REPOSITORY / "bench/bare"
"""What the product is compared with: it goes to the tables by the driver alone."""
DRIVERS = ("sqlalchemy", "psycopg2", "alembic")
TABLES = "imagesearch.catalog.tables"
ROWS = "imagesearch.catalog.jobs.rows"
WRITERS = {"change", "change_all", "values", "replace", "update", "_replace"}
SQL_OF_STATE = re.compile(r"\bupdate\s+(only\s+)?\"?jobs\b", re.IGNORECASE)

Rule = Callable[[ast.AST], Iterator[ast.AST]]


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def named(call: ast.Call) -> str:
    """Return the last name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def is_job_state(node: ast.expr) -> bool:
    """Tell whether an expression is a member of `JobState`, or its value."""
    if isinstance(node, ast.Attribute) and node.attr == "value":
        node = node.value
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "JobState"


def speaks_sql(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield imports of a driver or of the tables, and statements that are executed."""
    for node in ast.walk(tree):
        is_import = any(name.partition(".")[0] in DRIVERS or name == TABLES for name in imported(node))
        # `execute` of a Redis pipeline has no arguments.
        is_statement = isinstance(node, ast.Call) and named(node) in ("execute", "exec_driver_sql") and node.args
        if is_import or is_statement:
            yield node


def sets_a_state(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what gives a job its state: a keyword, an item, an attribute, or SQL of one's own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "state"]
            if given and (named(node) in WRITERS or is_job_state(given[0])):
                yield node
        elif isinstance(node, ast.Dict):
            items = zip(node.keys, node.values, strict=True)
            states = [value for key, value in items if isinstance(key, ast.Constant) and key.value == "state"]
            if any(map(is_job_state, states)):
                yield node
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Attribute) and target.attr == "state" for target in targets):
                yield node
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_OF_STATE.search(node.value):
            yield node


def changes_anything(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield calls and imports of what changes any column of a job."""
    for node in ast.walk(tree):
        if (isinstance(node, ast.Call) and named(node) in ("change", "change_all")) or ROWS in imported(node):
            yield node


RULES: tuple[Rule, ...] = (speaks_sql, sets_a_state, changes_anything)


@pytest.mark.parametrize("rule", RULES)
def test_only_the_catalogue_does_it(rule: Rule) -> None:
    files = [
        path
        for folder in PRODUCT
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if not {CATALOGUE, BARE}.intersection(path.parents)
    ]
    assert len(files) > 150
    broken = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"  # type: ignore[attr-defined]
        for path in files
        for node in rule(ast.parse(path.read_text()))
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (speaks_sql, "import sqlalchemy as sa"),
        (speaks_sql, "from sqlalchemy.exc import DBAPIError"),
        (speaks_sql, "from imagesearch.catalog import tables"),
        (speaks_sql, "from imagesearch.catalog.tables import jobs as job_table"),
        (changes_anything, "from imagesearch.catalog.jobs import rows"),
        (speaks_sql, "tx.execute(statement)"),
        (speaks_sql, 'tx.exec_driver_sql("SET LOCAL statement_timeout = 0")'),
        (sets_a_state, "jobs.change(tx, job_id, state=state)"),
        (sets_a_state, "statement.values(state=state.value)"),
        (sets_a_state, "job = replace(job, state=wanted)"),
        (sets_a_state, "anything(tx, state=JobState.RUNNING)"),
        (sets_a_state, "anything(tx, state=JobState.RUNNING.value)"),
        (sets_a_state, 'values = {"state": JobState.CANCELLED.value, "error": None}'),
        (sets_a_state, "job.state = JobState.PAUSED"),
        (sets_a_state, "statement = \"UPDATE jobs SET state = 'running'\""),
        (changes_anything, "jobs.change(tx, job_id, error=None)"),
        (changes_anything, "change(tx, job_id, **values)"),
        (changes_anything, "from imagesearch.catalog.jobs.rows import change as write"),
    ],
)
def test_each_rule_finds_what_it_forbids(rule: Rule, code: str) -> None:
    assert list(rule(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["pipe.execute()", "show(state=job.state)", 'shape = {"state": job.state}', "jobs.cancel(tx, job_id)"]
)
def test_what_reads_a_job_or_moves_it_by_name_is_allowed(code: str) -> None:
    assert [found for rule in RULES for found in rule(ast.parse(code))] == []


def test_every_transition_is_offered_and_no_general_change_is() -> None:
    moves = {
        name
        for name, value in vars(transitions).items()
        if getattr(value, "__module__", "") == transitions.__name__ and not name.startswith("_")
    }
    assert moves <= set(jobs.__all__)
    assert not set(jobs.__all__) & {name for name in vars(rows) if name.startswith("change")}
