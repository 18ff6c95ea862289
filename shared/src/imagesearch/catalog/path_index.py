"""Order the paths of a collection by their bytes, whatever the collation of the database.

What lies below a directory is one range of that order alone. The index takes the place of the one that Postgres
made for uniqueness.
"""

from __future__ import annotations

from imagesearch.catalog import live_index
from imagesearch.catalog.engine import Catalog

NAME = "uq_images_path"
_BUILD = f"CREATE UNIQUE INDEX CONCURRENTLY {NAME} ON images (collection_id, path text_pattern_ops)"


def build(catalog: Catalog) -> None:
    """Build the index unless it is there; one that was killed on the way is begun anew.

    Raises:
        StoreUnavailable: Postgres went away.
    """
    live_index.build(catalog, NAME, _BUILD)
    with catalog.transaction() as tx:
        tx.exec_driver_sql("ALTER TABLE images DROP CONSTRAINT IF EXISTS uq_images_collection_id_path")
