"""Choose jobs of a list: by state, collection and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from imagesearch.catalog.states import JobOrigin
from imagesearch.catalog.tables import collection_aliases, collections
from imagesearch.catalog.tables import jobs as table
from imagesearch.contract import JobState

APART = 10_000
"""Jobs that may be submitted between the moment that one is dated and the moment that it is numbered."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Say which jobs are wanted; None and an empty set leave out nothing.

    Attributes:
        states: any of them.
        collection: name or alias; deleted collections of the name count as well.
        created_after, created_before: the first moment that counts, and the first that does not any more.
    """

    states: frozenset[JobState] = frozenset()
    collection: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def conditions(self) -> Iterator[sa.ColumnElement[bool]]:
        """Return the conditions on jobs; a list by number reads no more than lies between the two moments."""
        if self.states:
            yield table.c.state.in_(sorted(self.states))
        if self.states and not any(state.has_ended for state in self.states):
            # What `ix_jobs_open` holds, which is short.
            yield table.c.finished_at.is_(None)
        if self.collection is not None:
            named = sa.select(collections.c.id).where(collections.c.name == self.collection)
            aliased = sa.select(collection_aliases.c.collection_id).where(
                collection_aliases.c.alias == self.collection
            )
            yield table.c.collection_id.in_(named.union(aliased))
        if self.created_after is not None:
            yield table.c.created_at >= self.created_after
            yield table.c.number >= _number(table.c.created_at >= self.created_after, is_first=True) - APART
        if self.created_before is not None:
            yield table.c.created_at < self.created_before
            yield table.c.number <= _number(table.c.created_at < self.created_before, is_first=False) + APART


EVERY_JOB = Selection()


def _number(is_meant: sa.ColumnElement[bool], *, is_first: bool) -> sa.ScalarSelect[int]:
    """Return the number of the first or last job by date that meets a condition: one look into the index."""
    order = (table.c.created_at, table.c.number)
    by = order if is_first else tuple(column.desc() for column in order)
    # As the index of these jobs alone says.
    query = sa.select(table.c.number).where(is_meant, table.c.origin != JobOrigin.SINGLE_IMAGE)
    return query.order_by(*by).limit(1).scalar_subquery()
