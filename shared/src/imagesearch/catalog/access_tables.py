"""The tables of who may do what, and has asked for it: API keys, the audit log, keyed requests, what signs."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from imagesearch.access.scopes import Scope
from imagesearch.catalog.columns import identity, json, metadata, moment, now, one_of, word

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    # The digest of 256 random bits.
    sa.Column("secret_sha256", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    word("scope", Scope),
    # What it is bound to; NULL is no bound.
    sa.Column("collections", ARRAY(sa.Text)),
    sa.Column("partition", sa.Text),
    sa.Column("source_roots", ARRAY(sa.Text)),
    sa.Column("created_by", sa.Text),
    now("created_at"),
    # The row stays: jobs and the audit log speak of it.
    moment("revoked_at"),
    one_of("scope", Scope),
)

audit_events = sa.Table(
    "audit_events",
    metadata,
    identity(),
    now("at"),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text),
    json("detail"),
    sa.Index("ix_audit_events_at", "at"),
)

# Requests under an Idempotency-Key that make something else than a job, for a day.
keyed_requests = sa.Table(
    "keyed_requests",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_sha256", sa.Text, nullable=False),
    # NULL until it has been answered.
    sa.Column("answer", JSONB),
    now("created_at"),
    sa.Index("ix_keyed_requests_created_at", "created_at"),
)

signing_secrets = sa.Table(
    "signing_secrets",
    metadata,
    identity(),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
)
