"""Real stores for the tests of this folder: one Valkey, Postgres and Milvus Lite for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.migrate import migrate
from imagesearch.messaging.broker import create_redis
from imagesearch.messaging.claims import InFlight
from imagesearch.vectors.milvus import MilvusVectorStore
from imagesearch_indexer.settings import IndexerSettings
from support.emptied import EmptiedDatabase
from support.stores import Stores, running_stores
from support.world import World


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Start the stores of the embedded stack, and end them after the last test."""
    with running_stores(tmp_path_factory.mktemp("stores")) as found:
        found.relax_postgres()
        yield found


@pytest.fixture(scope="session")
def migrated(stores: Stores) -> str:
    """The name of a database with the newest schema: copying it takes a tenth of what migrating takes."""
    settings = stores.create_database()
    with closing(Catalog(settings)) as made:
        migrate(made)
    return str(sa.make_url(settings.database_url).database)


@pytest.fixture(scope="session")
def database(stores: Stores, migrated: str) -> EmptiedDatabase:
    """The database that most tests share, one after another."""
    return EmptiedDatabase(lambda: stores.create_database(migrated))


@pytest.fixture
def catalog(database: EmptiedDatabase) -> Iterator[Catalog]:
    """A migrated catalogue that nothing has been written to."""
    with closing(database.catalog()) as made:
        yield made


@pytest.fixture
def client(stores: Stores) -> Iterator[redis.Redis]:
    """Redis, empty."""
    made = create_redis(stores.redis)
    made.flushall()
    yield made
    made.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """An empty directory that may be indexed."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.fixture
def world(stores: Stores, catalog: Catalog, client: redis.Redis, pictures: Path) -> Iterator[World]:
    """An indexer on the real stores, with small batches so that a few files make many of them."""
    vectors = MilvusVectorStore(stores.milvus)
    settings = IndexerSettings(
        batch_size=4,
        window=3,
        plan_slice=10,
        # Less than two statements take, on any machine.
        lease_seconds=0.000001,
        reconcile_lease_seconds=0.000001,
        # A time slice ends where a test says so, however busy the machine is.
        plan_seconds=3600.0,
    )
    yield World(catalog, vectors, InFlight(client), pictures, settings)
    vectors.close()
