"""Stores are reached over TLS with passwords, and one whose certificate does not fit is not talked to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import sqlalchemy as sa

from imagesearch.catalog.engine import Catalog
from imagesearch.contract import PlanJob, TaskName
from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, send
from imagesearch.settings import MilvusSettings, PostgresSettings, RedisSettings
from imagesearch.vectors.milvus import MilvusVectorStore
from support.tls_proxy import TlsProxy
from support.tls_server import certificate

pytestmark = pytest.mark.integration

USER, PASSWORD = "secured", "c4r3fully"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of `localhost`."""
    return certificate(tmp_path_factory.mktemp("localhost"), "localhost")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nothing here has."""
    return certificate(tmp_path_factory.mktemp("foreign"), "localhost")


@pytest.fixture
def redis_over_tls(stores: Any, client: redis.Redis, pem: Path) -> Iterator[RedisSettings]:
    """Settings of a user with a password, by a proxy that speaks TLS."""
    address = urlsplit(stores.redis.redis_url)
    rights = {"keys": ["*"], "channels": ["*"], "commands": ["+@all"]}
    client.acl_setuser(USER, enabled=True, passwords=[f"+{PASSWORD}"], **rights)
    with TlsProxy(pem, (address.hostname, address.port)) as proxy:
        yield RedisSettings(
            redis_url=f"rediss://{USER}:{PASSWORD}@localhost:{proxy.port}/0", redis_ca_file=pem, redis_timeout=30
        )
    client.acl_deluser(USER)


def use_every_connection(settings: RedisSettings) -> bytes:
    """Send a message, take it as workers do, ask who keeps results; return the message as Redis has it."""
    app = create_celery(settings)
    try:
        send(app, TaskName.PLAN, PlanJob("a job"))
        with app.connection_for_read() as connection:
            message = connection.default_channel.basic_get("plan")
            connection.default_channel.basic_ack(message.delivery_tag)
        assert app.backend.client.ping()
        body: bytes = message.body
        return body
    finally:
        close_celery(app)


def test_messages_results_and_keys_travel_over_tls(redis_over_tls: RedisSettings) -> None:
    with closing(create_redis(redis_over_tls)) as client:
        assert client.ping()
        assert client.acl_whoami() == USER
    assert b"a job" in use_every_connection(redis_over_tls)


def test_a_redis_whose_certificate_is_not_known_is_not_talked_to(
    redis_over_tls: RedisSettings, foreign: Path
) -> None:
    settings = redis_over_tls.model_copy(update={"redis_ca_file": foreign})
    with closing(create_redis(settings)) as client, pytest.raises(redis.ConnectionError, match="CERTIFICATE"):
        client.ping()
    with pytest.raises(StoreUnavailable):
        use_every_connection(settings)


def test_a_redis_under_another_name_than_its_certificates_is_not_talked_to(redis_over_tls: RedisSettings) -> None:
    elsewhere = redis_over_tls.redis_url.replace("localhost", "127.0.0.1")
    settings = redis_over_tls.model_copy(update={"redis_url": elsewhere})
    with closing(create_redis(settings)) as client, pytest.raises(redis.ConnectionError, match="CERTIFICATE"):
        client.ping()
    with pytest.raises(StoreUnavailable):
        use_every_connection(settings)


def test_postgres_is_talked_to_over_tls_and_only_if_its_certificate_and_name_fit(
    stores: Any, pem: Path, foreign: Path
) -> None:
    given = sa.make_url(stores.maintenance.database_url)
    socket = Path(str(given.query["host"]), ".s.PGSQL.5432")

    def catalog(host: str, authority: Path, port: int) -> Catalog:
        query = {"sslmode": "verify-full", "sslrootcert": str(authority)}
        url = given.set(host=host, port=port, query=query)
        return Catalog(PostgresSettings(database_url=url.render_as_string(hide_password=False)))

    with TlsProxy(pem, socket, asks_first=True) as proxy:
        with closing(catalog("localhost", pem, proxy.port)) as found:
            with found.transaction() as tx:
                driver: Any = tx.connection.driver_connection
                assert driver.info.ssl_in_use
            found.ping()
        for host, authority in (("localhost", foreign), ("127.0.0.1", pem)):
            with closing(catalog(host, authority, proxy.port)) as refused, pytest.raises(StoreUnavailable):
                refused.ping()


def test_milvus_is_talked_to_over_tls_and_only_if_its_certificate_fits(
    stores: Any, pem: Path, foreign: Path
) -> None:
    address = urlsplit(stores.milvus.milvus_uri)
    with TlsProxy(pem, (address.hostname, address.port)) as proxy:
        for authority, fits in ((pem, True), (foreign, False)):
            settings = MilvusSettings(
                milvus_uri=f"https://localhost:{proxy.port}",
                milvus_ca_file=authority,
                milvus_lite=True,
                milvus_timeout=30,
            )
            with closing(MilvusVectorStore(settings)) as store:
                if fits:
                    store.ping()
                else:
                    with pytest.raises(StoreUnavailable):
                        store.ping()
