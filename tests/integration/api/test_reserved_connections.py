"""Searches and checks of readiness have connections of their own: nobody else's work takes them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from imagesearch.catalog.engine import Catalog
from imagesearch.errors import StoreUnavailable
from imagesearch_api.app import create_app
from imagesearch_api.composition import compose
from imagesearch_api.services import Services
from imagesearch_api.settings import ApiSettings
from support.waiting import TIMEOUT
from support.world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def services(stores: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """What the API composes, over a collection of two pictures."""
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    with world.catalog.reading() as tx:
        address = sa.make_url(stores.maintenance.database_url).set(
            database=tx.execute(sa.text("SELECT current_database()")).scalar_one()
        )
    for name, value in {
        "DATABASE_URL": address.render_as_string(hide_password=False),
        # Who finds no connection is told so soon.
        "DATABASE_CONNECT_TIMEOUT": "1",
        "REDIS_URL": stores.redis.redis_url,
        "MILVUS_URI": stores.milvus.milvus_uri,
        "MILVUS_LITE": "true",
    }.items():
        monkeypatch.setenv(name, value)
    with closing(compose()) as made:
        yield made


def hold_all(catalog: Catalog, held: ExitStack) -> None:
    """Take connections until there are none."""
    with pytest.raises(StoreUnavailable, match="QueuePool"):
        _hold_many(catalog, held)


def _hold_many(catalog: Catalog, held: ExitStack) -> None:
    for _ in range(1_000):
        held.enter_context(catalog.reading())


def test_others_that_hold_every_connection_stop_no_search(services: Services) -> None:
    http = create_app(services).test_client()
    with ExitStack() as held:
        hold_all(services.catalog, held)
        assert http.get("/api/v2/jobs", buffered=True).status_code == 503
        found = http.post("/api/v2/collections/default/search", json={"vector": [1.0] * 512}, buffered=True)
        assert found.status_code == 200, found.text
        assert len(found.json["results"]) == 2
        assert http.get("/readyz", buffered=True).json["components"]["postgres"] == "ok"


def test_every_place_of_searches_and_status_has_a_connection(services: Services) -> None:
    settings = ApiSettings()
    most = settings.max_searches + settings.max_status
    everyone = Barrier(most)

    def hold(_: int) -> None:
        with services.search.catalog.reading():
            everyone.wait(TIMEOUT)

    with ThreadPoolExecutor(most) as pool:
        assert len(list(pool.map(hold, range(most)))) == most
    with ExitStack() as held:
        hold_all(services.search.catalog, held)
        services.catalog.ping()


@pytest.mark.parametrize("most", [1, 8, 9])
def test_a_catalogue_opens_as_many_connections_as_it_may(stores: Any, most: int) -> None:
    settings = stores.maintenance.model_copy(update={"database_connect_timeout": 1})
    with closing(Catalog(settings, most)) as catalog, ExitStack() as held:
        for _ in range(most):
            held.enter_context(catalog.reading())
        with pytest.raises(StoreUnavailable, match="QueuePool"):
            catalog.ping()
