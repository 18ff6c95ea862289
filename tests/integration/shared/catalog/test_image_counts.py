"""How many images are indexed is kept exactly, by anyone who changes them, and nobody waits for another."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, image_counts, naming
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.migrate import migrate
from imagesearch.catalog.reindex import exceptions
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import count_backlog
from imagesearch.catalog.tables import image_counts as table
from integration.conftest import Stores
from support.album import Album

pytestmark = pytest.mark.integration


def kept(album: Album) -> int:
    collection = album.collection
    with album.catalog.transaction() as tx:
        return image_counts.indexed(tx, [collection.id])[collection.id]


def rows(album: Album) -> dict[int, list[int]]:
    """Return what is counted of each block, row by row."""
    found: dict[int, list[int]] = {}
    with album.catalog.transaction() as tx:
        for row in tx.execute(sa.select(table).order_by(table.c.id)):
            found.setdefault(row.block, []).append(row.indexed)
    return found


def check(album: Album) -> list[image_counts.CheckedBlock]:
    """Check every block and correct it; return what was found."""
    collection, found, behind = album.collection, [], -1
    with album.catalog.transaction() as tx:
        while (checked := image_counts.check_next(tx, collection.id, behind=behind)) is not None:
            found.append(checked)
            image_counts.correct(tx, collection.id, checked)
            behind = checked.block
    return found


def test_each_way_to_gain_or_lose_a_vector_counts_once(album: Album) -> None:
    first, second, third = album.index("a", "b", "c")
    assert kept(album) == 3
    album.index("a", "b")
    assert kept(album) == 3, "another vector of the same images"
    album.delete(first, first)
    assert kept(album) == 2
    with album.catalog.transaction() as tx:
        collection = album.collection
        locked = naming.lock(tx, collection, [second.id, third.id])
        naming.unname(tx, collection, [locked[second.id]], ImageState.PENDING)
    assert kept(album) == 1
    album.delete(album.row("b"))
    assert kept(album) == 1, "one that had no vector any more"
    build = album.begin_build()
    album.record(build, album.row("c"), sha256=None)
    assert kept(album) == 1
    album.switch(build)
    with album.catalog.transaction() as tx:
        while exceptions.apply_next(tx, album.collection.id, limit=10):
            pass
    assert kept(album) == 0
    with album.catalog.transaction() as tx:
        image_counts.remove(tx, album.collection.id)
    assert rows(album) == {}


def test_those_who_count_at_the_same_moment_do_not_wait_for_each_other(album: Album, catalog: Catalog) -> None:
    collection = album.collection
    with catalog.transaction() as one, catalog.transaction() as other, catalog.transaction() as third:
        for tx in (one, other, third):
            tx.execute(sa.text("SET LOCAL lock_timeout = 1"))
            image_counts.move(tx, collection.id, gained=[1, 2], lost=[3])
            image_counts.move(tx, collection.id, gained=[4])
    assert (kept(album), rows(album)) == (6, {0: [2, 2, 2]})
    with catalog.transaction() as tx:
        image_counts.move(tx, collection.id, lost=[1, 2])
    assert rows(album) == {0: [0, 2, 2]}, "a row that is free is used again"


def test_a_transaction_counts_in_several_blocks(album: Album) -> None:
    collection, far = album.collection, 5 << image_counts.BLOCK_BITS
    with album.catalog.transaction() as tx:
        image_counts.move(tx, collection.id, gained=[1, far, far + 1])
    with album.catalog.transaction() as tx:
        image_counts.move(tx, collection.id, gained=[2, 3], lost=[far])
    assert (kept(album), rows(album)) == (4, {0: [3], 5: [1]})


def test_a_check_finds_what_is_wrong_while_others_count_and_leaves_one_row(album: Album, catalog: Catalog) -> None:
    album.index("a", "b", "c")
    with catalog.transaction() as tx:
        tx.execute(sa.update(table).values(indexed=7))
        tx.execute(sa.insert(table).values(collection_id=album.collection.id, block=9, indexed=4))
    with catalog.transaction() as tx:
        collection = album.collection
        rows_of_two = naming.lock(tx, collection, [album.row("a").id, album.row("b").id])
        naming.delete(tx, collection, rows_of_two)
        # Neither the row that this holds nor what it is about to take away confuses a check.
        assert [(one.block, one.lacking) for one in check(album)] == [(0, -4), (9, -4)]
    assert kept(album) == 1
    assert [one.lacking for one in check(album)] == [0]
    assert rows(album) == {0: [1]}
    assert [one.lacking for one in check(album)] == [0]


def test_a_collection_of_an_older_release_is_counted_as_before_until_it_is_through(album: Album) -> None:
    catalog = album.catalog
    album.index("a", "b", "c")
    with catalog.transaction() as tx:
        tx.execute(sa.delete(table))
        tx.execute(sa.insert(count_backlog).values(collection_id=album.collection.id))
    album.index("d")
    assert kept(album) == 4
    with catalog.transaction() as tx:
        assert image_counts.uncounted(tx) == (album.collection.id, -1)
        for checked in check(album):
            image_counts.reach(tx, album.collection.id, checked.block)
    assert kept(album) == 4
    with catalog.transaction() as tx:
        assert image_counts.uncounted(tx) == (album.collection.id, 0)
        image_counts.end_backlog(tx, album.collection.id)
        assert image_counts.uncounted(tx) is None
    assert (kept(album), rows(album)) == (4, {0: [4]})


def test_the_migration_reads_no_image_and_leaves_each_collection_to_be_counted(stores: Stores) -> None:
    catalog = Catalog(stores.create_database())
    try:
        migrate(catalog, "0010")
        with catalog.transaction() as tx:
            tx.execute(
                sa.text(
                    "INSERT INTO collections (name, dimension, metric, index_type, vector_collection) "
                    "VALUES ('cats', 512, 'COSINE', 'FLAT', 'imagesearch_1')"
                )
            )
            tx.execute(
                sa.text(
                    "INSERT INTO images (collection_id, path, state, vector_key) "
                    "SELECT id, '/' || n, 'indexed', n FROM collections, generate_series(1, 5) AS n"
                )
            )
        migrate(catalog)
        with catalog.transaction() as tx:
            cats = collections.get(tx, "cats").id
            assert image_counts.uncounted(tx) == (cats, -1)
            assert image_counts.indexed(tx, [cats]) == {cats: 5}
    finally:
        catalog.close()
