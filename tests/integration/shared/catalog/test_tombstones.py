"""Keys that no row names any more are kept until their vectors are collected."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from imagesearch.catalog import naming, tombstones
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.tables import tombstones as table
from imagesearch.catalog.tombstones import YOUNG, Buried
from support.album import Album

pytestmark = pytest.mark.integration

AT_ONCE = timedelta(0)


def bury(album: Album, *buried: Buried) -> None:
    with album.catalog.transaction() as tx:
        tombstones.bury(tx, album.collection.id, buried)


def test_a_key_is_buried_in_the_collection_that_searches_use(album: Album) -> None:
    live = album.collection.vector_collection
    bury(album, Buried(5, 1, "digest"), Buried(3, 2, None))
    assert album.buried() == {(3, live), (5, live)}


def test_burying_a_key_again_leaves_it_as_old_as_it_was(album: Album) -> None:
    bury(album, Buried(5, 1, "digest"))
    album.age_tombstones()
    bury(album, Buried(5, 1, "digest"))
    with album.catalog.transaction() as tx:
        assert naming.follow(tx, album.collection.id, [5]) == {}


def test_a_key_is_buried_in_an_open_build_as_well_and_in_no_other(album: Album) -> None:
    live = album.collection.vector_collection
    given_up = album.begin_build()
    with album.catalog.transaction() as tx:
        builds.abandon(tx, given_up)
    build = album.begin_build()
    bury(album, Buried(5, 1, "digest"))
    assert album.buried() == {(5, live), (5, build.vector_collection)}
    album.switch(build)
    bury(album, Buried(6, 1, "digest"))
    assert album.buried() == {(5, live), (5, build.vector_collection), (6, build.vector_collection)}


def young_images(tx: Transaction, album: Album) -> dict[int, int]:
    found = naming.follow(tx, album.collection.id, [5, 6, 7, 8])
    assert not any(one.is_current for one in found.values())
    return {key: one.image_id for key, one in found.items()}


def test_a_key_leads_to_its_image_for_a_moment_after_the_burial_by_the_clock_of_postgres(album: Album) -> None:
    bury(album, Buried(5, 1, "digest"), Buried(6, 2, "digest"), Buried(7, None, "digest of no row"))
    with album.catalog.transaction() as tx:
        assert young_images(tx, album) == {5: 1, 6: 2}
        just_over = sa.func.clock_timestamp() - YOUNG
        tx.execute(sa.update(table).where(table.c.key == 5).values(since=just_over))
        assert young_images(tx, album) == {6: 2}


def test_a_tombstone_is_as_old_as_its_burial_and_not_as_its_transaction(album: Album) -> None:
    with album.catalog.transaction() as tx:
        begun = tx.execute(sa.text("SELECT now()")).scalar_one()
        tombstones.bury(tx, album.collection.id, [Buried(5, 1, None)])
        assert tx.execute(sa.select(table.c.since)).scalar_one() > begun


def test_whether_a_key_is_buried_is_asked_of_one_milvus_collection(album: Album) -> None:
    with album.catalog.transaction() as tx:
        tombstones.bury_in(tx, ["a", "b"], [Buried(5, 1, None)])
        tombstones.bury_in(tx, ["b"], [Buried(6, 1, None)])
        assert tombstones.buried_among(tx, "a", [5, 6, 7]) == {5}
        assert tombstones.buried_among(tx, "b", [5, 6, 7]) == {5, 6}


def test_the_newest_vector_of_each_digest_of_an_image_is_found(album: Album) -> None:
    with album.catalog.transaction() as tx:
        tombstones.bury_in(
            tx, ["a"], [Buried(5, 1, "x"), Buried(9, 1, "x"), Buried(7, 1, "y"), Buried(8, 1, None)]
        )
        tombstones.bury_in(tx, ["b"], [Buried(10, 1, "x")])
        tombstones.bury_in(tx, ["a"], [Buried(11, 2, "x")])
        assert tombstones.same_content(tx, "a", [1]) == {(1, "x"): 9, (1, "y"): 7}


def test_every_milvus_collection_with_tombstones_is_collected_but_that_of_an_open_build(album: Album) -> None:
    build = album.begin_build()
    with album.catalog.transaction() as tx:
        names = ["a", "b", "c", build.vector_collection]
        tombstones.bury_in(tx, names, [Buried(key, 1, None) for key in range(1, 20)])
        assert sorted(tombstones.vector_collections(tx)) == ["a", "b", "c"]
        builds.abandon(tx, build)
        assert sorted(tombstones.vector_collections(tx)) == sorted(names)


def test_nothing_is_collected_where_nothing_is_buried(album: Album) -> None:
    with album.catalog.transaction() as tx:
        assert tombstones.vector_collections(tx) == []
        assert tombstones.due(tx, "a", AT_ONCE, limit=5) == []


def test_those_that_have_waited_longest_are_collected_first_and_none_before_its_time(album: Album) -> None:
    with album.catalog.transaction() as tx:
        tombstones.bury_in(tx, ["a"], [Buried(key, 1, None) for key in (1, 2, 3)])
        for key, minutes in ((1, 10), (2, 30), (3, 20)):
            since = sa.func.clock_timestamp() - timedelta(minutes=minutes)
            tx.execute(sa.update(table).where(table.c.key == key).values(since=since))
        assert tombstones.due(tx, "a", timedelta(minutes=15), limit=5) == [2, 3]
        assert tombstones.due(tx, "a", AT_ONCE, limit=2) == [2, 3]
        assert tombstones.due(tx, "b", AT_ONCE, limit=2) == []


def test_what_is_forgotten_in_one_milvus_collection_stays_buried_in_the_others(album: Album) -> None:
    with album.catalog.transaction() as tx:
        tombstones.bury_in(tx, ["a", "b"], [Buried(5, 1, None), Buried(6, 1, None)])
        tombstones.forget(tx, "a", [5, 7])
    assert album.buried() == {(6, "a"), (5, "b"), (6, "b")}
