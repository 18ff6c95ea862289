"""Run the stores of the embedded stack for as long as something needs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import redis
import sqlalchemy as sa

from imagesearch.catalog.engine import Catalog
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.broker import create_redis
from imagesearch.settings import MilvusSettings, PostgresSettings, RedisSettings
from imagesearch.vectors.milvus import MilvusVectorStore
from imagesearch_local.environment import of_stack
from imagesearch_local.layout import Layout
from imagesearch_local.record import Record
from support.waiting import ended, until


class Stores:
    """The settings of the running stores; each test gets a database of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.redis = RedisSettings(redis_url=environment["REDIS_URL"], redis_timeout=30)
        self.milvus = MilvusSettings(milvus_uri=environment["MILVUS_URI"], milvus_lite=True, milvus_timeout=60)
        self.maintenance = PostgresSettings(database_url=environment["DATABASE_URL"], database_connect_timeout=30)

    def answer(self) -> bool:
        vectors = MilvusVectorStore(self.milvus)
        try:
            Catalog(self.maintenance).ping()
            vectors.ping()
            return bool(create_redis(self.redis).ping())
        except (StoreUnavailable, redis.RedisError):
            return False
        finally:
            vectors.close()

    def relax_postgres(self) -> None:
        """Trust the machine to stay on, which no test turns off, and vacuum none of the many small databases."""
        engine = sa.create_engine(self.maintenance.database_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for setting in ("fsync", "full_page_writes", "autovacuum"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        engine.dispose()

    def create_database(self, template: str = "template1") -> PostgresSettings:
        """Make a database that is a copy of another one, to which nobody is connected."""
        name = f"test_{uuid4().hex}"
        engine = sa.create_engine(self.maintenance.database_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        engine.dispose()
        url = sa.make_url(self.maintenance.database_url).set(database=name)
        shown = url.render_as_string(hide_password=False)
        return self.maintenance.model_copy(update={"database_url": shown})


@contextmanager
def running_stores(folder: Path) -> Iterator[Stores]:
    """Start the stores with their data below a folder, and end them."""
    layout = Layout.at(folder / "data")
    output = folder / "output"
    command = [
        sys.executable,
        "-m",
        "imagesearch_local",
        "up",
        "--stores-only",
        "--data-dir",
        str(layout.data_dir),
    ]
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, env=os.environ | {"PORT": "5000"}
        )
    try:
        until(lambda: bool(Record.read(layout).ports), alive=process, output=output)
        found = Stores(of_stack(layout, 5000, Record.read(layout)))
        until(found.answer, alive=process, output=output)
        yield found
    finally:
        process.terminate()
        ended(process)
