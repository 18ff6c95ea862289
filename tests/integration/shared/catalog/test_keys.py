"""A key is drawn once, and a fence stands until nobody can name a key from before it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from imagesearch.catalog import images, keys
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.keys import RANDOM_BITS, Fence
from support.album import Album

pytestmark = pytest.mark.integration


def draw(catalog: Catalog, number: int) -> list[int]:
    with catalog.transaction() as tx:
        return keys.draw(tx, number)


def fence(catalog: Catalog) -> Fence:
    with catalog.transaction() as tx:
        return keys.fence(tx)


def is_past(catalog: Catalog, found: Fence) -> bool:
    with catalog.reading() as tx:
        return keys.is_past(tx, found.xid)


def test_keys_ascend_and_none_is_drawn_twice(catalog: Catalog) -> None:
    drawn = [key for _ in range(5) for key in draw(catalog, 200)]
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 1_000
    assert draw(catalog, 0) == []


def test_several_who_draw_at_once_have_keys_of_their_own(catalog: Catalog) -> None:
    with ThreadPoolExecutor(4) as threads:
        drawn = [key for found in threads.map(lambda _: draw(catalog, 50), range(8)) for key in found]
    assert len(set(drawn)) == 400


def test_a_sequence_that_goes_back_does_not_give_out_the_same_keys_again(catalog: Catalog) -> None:
    before = draw(catalog, 100)
    with catalog.transaction() as tx:
        tx.execute(sa.text("SELECT setval('vector_keys', 1)"))
    again = draw(catalog, 100)
    assert [key >> RANDOM_BITS for key in again] == [key >> RANDOM_BITS for key in before]
    assert set(again).isdisjoint(before)


def test_a_fence_lies_behind_every_key_so_far_and_before_each_later_one(catalog: Catalog) -> None:
    first = fence(catalog)
    drawn = draw(catalog, 3)
    second = fence(catalog)
    assert first.key < drawn[0]
    assert drawn[-1] <= second.key < draw(catalog, 1)[0]
    assert first.xid < second.xid


def test_what_was_rolled_back_leaves_its_keys_behind_the_fence(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        drawn = keys.draw(tx, 3)
        tx.rollback()
    assert drawn[-1] <= fence(catalog).key


def test_nothing_is_past_a_fence_before_its_own_transaction_has_ended(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        found = keys.fence(tx)
        assert not keys.is_past(tx, found.xid)
        assert not is_past(catalog, found)
    assert is_past(catalog, found)


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_a_fence_stands_until_whoever_held_a_row_before_it_has_ended(album: Album, ends: str) -> None:
    [row] = album.index("/a")
    with album.catalog.transaction() as writer:
        images.lock(writer, [row.id])
        found = fence(album.catalog)
        # Drawn after the fence was read, by somebody who could have drawn before.
        keys.draw(writer, 1)
        assert not is_past(album.catalog, found)
        getattr(writer, ends)()
        assert is_past(album.catalog, found)


def test_a_fence_waits_for_nobody_who_came_after_it(album: Album) -> None:
    [row] = album.index("/a")
    found = fence(album.catalog)
    with album.catalog.transaction() as writer:
        images.lock(writer, [row.id])
        assert keys.draw(writer, 1)[0] > found.key
        assert is_past(album.catalog, found)


def test_a_fence_waits_for_no_reader(album: Album) -> None:
    album.index("/a")
    with album.catalog.reading() as reader:
        assert images.by_keys(reader, album.collection.id, []) == {}
        assert is_past(album.catalog, fence(album.catalog))
