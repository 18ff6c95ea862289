"""Let lists of submitted jobs be restricted to a state and to a time."""

from __future__ import annotations

from alembic import op

revision, down_revision = "0020", "0019"


def upgrade() -> None:
    """Add two indexes, which leave out the jobs of single pictures."""
    for column in ("created_at", "state"):
        op.execute(f"CREATE INDEX ix_jobs_{column}_number ON jobs ({column}, number) WHERE origin <> 'single'")
