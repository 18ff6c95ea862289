"""Do a change, or only see what it would do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from imagesearch.catalog.audit import DRY_RUN
from imagesearch.catalog.engine import Catalog, Transaction


@contextmanager
def changing(catalog: Catalog, *, dry_run: bool) -> Iterator[Transaction]:
    """Yield a transaction in which something is changed; in a dry run nothing of it stays."""
    with catalog.transaction() as tx:
        if not dry_run:
            yield tx
            return
        tx.execution_options(**{DRY_RUN: True})
        with tx.begin_nested() as undone:
            yield tx
            undone.rollback()
