"""See which rows a statement reads."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction


def plan_of(tx: Transaction, statement: sa.Executable) -> dict[str, Any]:
    """Run a statement, and return how Postgres did it."""
    compiled = statement.compile(tx.engine, compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
    found = tx.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}").scalar_one()
    plan: dict[str, Any] = found[0]["Plan"]
    return plan


def rows_read(plan: dict[str, Any]) -> list[int]:
    """Return how many rows each step of a plan found or looked at in vain, all its repetitions together."""
    rows = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return [round(rows), *(count for child in plan.get("Plans", ()) for count in rows_read(child))]
