"""A sample of a collection is spread over it, and counts of a partition end where they say that they do."""

from __future__ import annotations

import pytest

from imagesearch.access.tenants import EVERYTHING, Tenancy
from imagesearch.catalog import collections, image_queries, tenants
from support.album import Album

pytestmark = pytest.mark.integration


def test_images_are_taken_from_places_that_are_spread_over_the_ids(album: Album) -> None:
    rows = album.index(*(f"{number:02}" for number in range(20)))
    rows += album.index(*(f"cat {number:02}" for number in range(20)), partition="cats")
    album.delete(rows[0], rows[39])
    collection_id = album.collection.id
    ids = [row.id for row in rows]

    def sample(partition: str | None, places: int, at_each: int) -> list[int]:
        with album.catalog.reading() as tx:
            found = image_queries.spread_out(
                tx, collection_id, partition=partition, places=places, at_each=at_each
            )
        return [ids.index(image.id) for image in found]

    assert sample(None, 2, 3) == [1, 2, 3, 20, 21, 22]
    assert sample("cats", 3, 1) == [20, 26, 32]
    assert sorted(sample(None, 16, 32)) == list(range(1, 39))
    assert sample("dogs", 2, 2) == []
    with album.catalog.transaction() as tx:
        empty, _ = collections.create(tx, "empty")
        assert image_queries.spread_out(tx, empty.id, partition=None, places=2, at_each=2) == []


def test_counts_of_a_partition_end_at_a_bound_and_say_so(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_queries, "MAX_COUNTED", 3)
    album.index("1", "2", partition="few")
    album.index("3", "4", "5", "6", "7", partition="many")
    wanted = [album.collection.id]
    for tenancy, count, is_capped in (
        (Tenancy(partition="few"), 2, False),
        (Tenancy(partition="many"), 3, True),
        (EVERYTHING, 7, False),
    ):
        with album.catalog.reading() as tx:
            assert tenants.counts(tx, wanted, tenancy) == {wanted[0]: count}
        assert tenants.is_capped(count, tenancy) is is_capped
