"""Names and aliases of collections share one name space, also when several want a name at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, names
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Catalog
from imagesearch.errors import Conflict, NotFound
from support.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture
def cats(catalog: Catalog) -> Collection:
    with catalog.transaction() as tx:
        return collections.create(tx, "cats")[0]


def put(catalog: Catalog, alias: str, collection: Collection) -> bool:
    with catalog.transaction() as tx:
        return names.put_alias(tx, alias, collection.id)[1]


def test_an_alias_stands_for_its_collection(catalog: Catalog, cats: Collection) -> None:
    assert put(catalog, "felines", cats)
    with catalog.transaction() as tx:
        assert collections.get(tx, "felines") == cats
        assert collections.create(tx, "felines") == (cats, False)
        assert names.aliases_of(tx, cats.id) == ["felines"]
        with pytest.raises(Conflict, match="alias"):
            collections.get_by_name(tx, "felines")


def test_an_alias_moves_at_once(catalog: Catalog, cats: Collection) -> None:
    put(catalog, "current", cats)
    with catalog.transaction() as tx:
        dogs, _ = collections.create(tx, "dogs")
    assert not put(catalog, "current", dogs)
    with catalog.transaction() as tx:
        assert collections.get(tx, "current") == dogs
        assert [(alias.alias, alias.collection) for alias in names.list_aliases(tx, limit=5)] == [
            ("current", "dogs")
        ]


def test_a_name_is_taken_once(catalog: Catalog, cats: Collection) -> None:
    put(catalog, "felines", cats)
    with pytest.raises(Conflict):
        put(catalog, "cats", cats)
    for taken in ("cats", "felines"):
        with pytest.raises(Conflict), catalog.transaction() as tx:
            names.rename(tx, cats.id, taken)


def test_a_renamed_collection_keeps_its_aliases_and_frees_its_name(catalog: Catalog, cats: Collection) -> None:
    put(catalog, "felines", cats)
    with catalog.transaction() as tx:
        names.rename(tx, cats.id, "lions")
    with catalog.transaction() as tx:
        assert collections.get(tx, "lions").id == collections.get(tx, "felines").id == cats.id
        with pytest.raises(NotFound):
            collections.get(tx, "cats")
        assert collections.create(tx, "cats")[1]


def test_aliases_of_a_deleted_collection_are_free_again(catalog: Catalog, cats: Collection) -> None:
    put(catalog, "felines", cats)
    with catalog.transaction() as tx:
        collections.mark_deleting(tx, cats)
    with catalog.transaction() as tx:
        with pytest.raises(NotFound):
            collections.get(tx, "felines")
        with pytest.raises(NotFound):
            names.remove_alias(tx, "felines")
        assert collections.create(tx, "felines")[1]
    with pytest.raises(NotFound):
        put(catalog, "pets", cats)


def test_of_many_who_want_a_name_at_once_one_gets_it(catalog: Catalog, cats: Collection) -> None:
    with catalog.transaction() as tx:
        dogs, _ = collections.create(tx, "dogs")

    def create(name: str) -> None:
        with catalog.transaction() as tx:
            collections.create(tx, name)

    def rename(name: str) -> None:
        with catalog.transaction() as tx:
            names.rename(tx, dogs.id, name)

    requests: list[Callable[[str], object]] = [create, lambda name: put(catalog, name, cats), rename, create]

    def ask(index: int) -> None:
        try:
            requests[index % 4](f"wanted {index // 4}")
        except Conflict:
            return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(40)))
    with catalog.transaction() as tx:
        found = [collection.name for collection in collections.all_active(tx)]
        found += [alias.alias for alias in names.list_aliases(tx, limit=100)]
        assert len(found) == len(set(found))
        assert tx.execute(sa.text("SELECT count(*) FROM collections")).scalar_one() <= 12


def test_an_exclusive_lock_of_a_collection_comes_before_shared_ones_that_are_asked_for_later(
    catalog: Catalog, cats: Collection
) -> None:
    order: list[str] = []

    def waiting() -> int:
        with catalog.transaction() as tx:
            asked = (
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event = 'advisory'"
            )
            return int(tx.execute(sa.text(asked)).scalar_one())

    def enter(name: str, lock: Callable[[sa.Connection, int], object]) -> None:
        with catalog.transaction() as tx:
            lock(tx, cats.id)
            order.append(name)

    taker = Thread(target=enter, args=("taker", collections.lock_exclusive))
    holder = Thread(target=enter, args=("holder", collections.lock_shared))
    with catalog.transaction() as tx:
        collections.lock_shared(tx, cats.id)
        taker.start()
        until(lambda: waiting() == 1)
        holder.start()
        until(lambda: waiting() == 2)
    taker.join()
    holder.join()
    assert order == ["taker", "holder"]
