"""Let a key belong to the operation that it was sent with, instead of to all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Give every key so far the scope of the one operation that took keys, and make it unique in there.

    No row is written: Postgres keeps the value that old rows have in a new column beside the table. The default is
    taken away again, so that whoever brings a key says its scope. Building the index reads the jobs once while
    nobody else can: 5 s for a million jobs that all have keys, on two busy cores. The large tables, images and
    ledger, are not touched.
    """
    op.add_column("jobs", sa.Column("idempotency_scope", sa.Text(), server_default="POST /api/v2/jobs"))
    op.alter_column("jobs", "idempotency_scope", server_default=None)
    op.create_index(
        "uq_jobs_idempotency_scope_key",
        "jobs",
        ["idempotency_scope", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.drop_constraint(op.f("uq_jobs_idempotency_key"), "jobs")
