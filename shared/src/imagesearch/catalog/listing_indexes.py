"""Find images by the time of their row, and those that are not indexed, however many there are.

The list of images alone needs these indexes: it waits until they are there, and nothing else does.
"""

from __future__ import annotations

from imagesearch.catalog import live_index
from imagesearch.catalog.engine import Catalog, Transaction
from imagesearch.errors import StoreUnavailable

_COLUMNS = {
    "ix_images_created": "(collection_id, created_at, id)",
    # What is indexed is in neither, so that both stay short.
    "ix_images_unindexed": "(collection_id, state, id) WHERE state <> 'indexed'",
    "ix_images_unindexed_partition": "(collection_id, partition, state, id) WHERE state <> 'indexed'",
}


def build(catalog: Catalog) -> None:
    """Build the indexes unless they are there; one that was killed on the way is begun anew.

    Raises:
        StoreUnavailable: Postgres went away.
    """
    for name, columns in _COLUMNS.items():
        live_index.build(catalog, name, f"CREATE INDEX CONCURRENTLY {name} ON images {columns}")


def require(tx: Transaction) -> None:
    """Check that they are there: without them a list would read all images.

    Raises:
        StoreUnavailable: they are still being built.
    """
    if not all(live_index.is_valid(tx, name) for name in _COLUMNS):
        raise StoreUnavailable("postgres", "indexes of images are still being built")
