"""Keep API keys, the audit log and the secrets that sign, and say under which key a job was submitted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the tables, and what jobs record from now on.

    No row is written. The indexes read the jobs once each while nobody else can: seconds for a million jobs. The
    large tables, images and ledger, are not touched.
    """
    _tables()
    op.add_column("jobs", sa.Column("api_key_id", sa.Text()))
    op.add_column("jobs", sa.Column("bound_partition", sa.Text()))
    op.add_column("jobs", sa.Column("bound_roots", sa.ARRAY(sa.Text())))
    op.create_index("ix_jobs_collection_id_number", "jobs", ["collection_id", "number"])
    for name in ("bound_partition", "api_key_id"):
        is_given = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"ix_jobs_{name}_number", "jobs", [name, "number"], postgresql_where=is_given)


def _tables() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("collections", sa.ARRAY(sa.Text())),
        sa.Column("partition", sa.Text()),
        sa.Column("source_roots", sa.ARRAY(sa.Text())),
        sa.Column("created_by", sa.Text()),
        _now("created_at"),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.CheckConstraint("scope IN ('read', 'write', 'admin')", name=op.f("ck_api_keys_scope")),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _now("at"),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text()),
        sa.Column("detail", sa.dialects.postgresql.JSONB(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_at", "audit_events", ["at"])
    op.create_table(
        "signing_secrets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_secrets")),
    )


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
