"""The tables of callbacks: who is to be told of the ends of jobs, and what came of each attempt."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from imagesearch.catalog.columns import count, identity, metadata, moment, now, one_of, word
from imagesearch.catalog.states import CallbackState

_WAITING = sa.text("state = 'waiting'")

callbacks = sa.Table(
    "callbacks",
    metadata,
    identity(),
    # By which receivers know an event again that comes twice.
    sa.Column("event_id", UUID(as_uuid=False), nullable=False, server_default=sa.text("gen_random_uuid()")),
    sa.Column("job_id", UUID(as_uuid=False), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    # Host and port of the URL: one that is slow keeps no other waiting.
    sa.Column("host", sa.Text, nullable=False),
    # As it was at the job's end, byte for byte: a job that is retried has an event of its own.
    sa.Column("body", sa.Text, nullable=False),
    word("state", CallbackState, CallbackState.WAITING),
    count("attempts"),
    now("created_at"),
    now("due_at"),
    # Until then the attempt that was counted last is taken to be under way.
    moment("leased_until"),
    moment("ended_at"),
    one_of("state", CallbackState),
    sa.Index("ix_callbacks_job_id", "job_id", "id"),
    sa.Index("ix_callbacks_due_at", "due_at", postgresql_where=_WAITING),
    sa.Index("ix_callbacks_host", "host", "leased_until", postgresql_where=_WAITING),
)

# One that was killed on the way leaves no row.
callback_attempts = sa.Table(
    "callback_attempts",
    metadata,
    sa.Column("callback_id", sa.BigInteger, sa.ForeignKey("callbacks.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    now("at"),
    # NULL where there was no answer; then the error says why.
    sa.Column("status", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("seconds", sa.Double, nullable=False),
)
