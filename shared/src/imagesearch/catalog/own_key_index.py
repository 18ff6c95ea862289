"""Let a key be one image's in its partition, and find it in all of them.

No release works before this index is there: nothing else keeps two images from having the same key.
"""

from __future__ import annotations

from imagesearch.catalog import live_index
from imagesearch.catalog.engine import Catalog, Transaction

NAME = "uq_images_own_key"
_BUILD = (
    f"CREATE UNIQUE INDEX CONCURRENTLY {NAME} ON images (collection_id, own_key, partition) "
    "WHERE own_key IS NOT NULL"
)


def build(catalog: Catalog) -> None:
    """Build the index unless it is there; one that was killed on the way is begun anew.

    Raises:
        StoreUnavailable: Postgres went away.
    """
    live_index.build(catalog, NAME, _BUILD)


def is_there(tx: Transaction) -> bool:
    """Tell whether keys are unique."""
    return live_index.is_valid(tx, NAME)
