"""Seed a catalogue of one size, and tell what it takes on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from bench.scale.cpu import Servers
from bench.scale.ground import Place
from bench.scale.memory import parent_of
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.migrate import migrate
from imagesearch.messaging.broker import create_redis
from support import seeding
from support.stores import Stores

LEDGER = ("job_items", "job_batches")


@contextmanager
def seeded(stores: Stores, size: int, most: int, root: Path) -> Iterator[tuple[Place, Catalog]]:
    """Yield a catalogue whose one collection has so many images."""
    folder = root / f"tree-{size}" / "library"
    folder.mkdir(parents=True)
    postgres = stores.create_database()
    with closing(Catalog(postgres)) as catalog:
        with closing(create_redis(stores.redis)) as client:
            client.flushall()
            valkey = cast(dict[str, int], client.info("server"))["process_id"]
        migrate(catalog)
        with catalog.transaction() as tx:
            collection_id = seeding.seed_collection(tx, "library", size, str(folder))
            session, database = seeding.session_of(tx)
        with catalog.transaction() as tx:
            seeding.analyze(tx)
        servers = Servers(parent_of(session), valkey, database)
        yield Place(size, most, postgres, stores.redis, servers, collection_id, folder), catalog


def with_job(catalog: Catalog, place: Place) -> Place:
    """Seed a job over the collection, and return where it lies."""
    with catalog.transaction() as tx:
        job_id = seeding.seed_mixed_job(tx, place.collection_id, place.size, str(place.folder))
    with catalog.transaction() as tx:
        seeding.analyze(tx)
    return replace(place, job_id=job_id)


def bytes_of(catalog: Catalog, *names: str) -> int:
    """Return what tables take on the disk, with their indexes."""
    with catalog.transaction() as tx:
        return sum(seeding.bytes_of(tx, name) for name in names)
