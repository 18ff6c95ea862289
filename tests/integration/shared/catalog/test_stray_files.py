"""Paths that may have a file without a row are looked at in their time, and the file stays that a row wants."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from imagesearch.catalog import stray_files
from imagesearch.catalog.stray_files import StrayFile
from imagesearch.catalog.tables import stray_files as table
from support.album import Album

pytestmark = pytest.mark.integration


def due(album: Album, *, limit: int = 10) -> list[StrayFile]:
    with album.catalog.transaction() as tx:
        return stray_files.due(tx, limit=limit)


def test_a_path_is_looked_at_when_its_time_has_come(album: Album) -> None:
    with album.catalog.transaction() as tx:
        stray_files.note(tx, 3, ["/b", "/a"])
        stray_files.note(tx, 3, ["/later"], after=timedelta(hours=1))
        stray_files.note(tx, 3, [])
    assert [(one.collection_id, one.path) for one in due(album)] == [(3, "/a"), (3, "/b")]
    with album.catalog.transaction() as tx:
        tx.execute(sa.update(table).values(look_after=table.c.look_after - timedelta(hours=1)))
    assert sorted(one.path for one in due(album)) == ["/a", "/b", "/later"]


def test_those_come_first_that_have_waited_longest(album: Album) -> None:
    with album.catalog.transaction() as tx:
        for path, minutes in (("/a", 10), ("/b", 30), ("/c", 20)):
            stray_files.note(tx, 3, [path], after=-timedelta(minutes=minutes))
    assert [one.path for one in due(album, limit=2)] == ["/b", "/c"]


def test_what_was_looked_at_is_forgotten_and_what_was_noted_meanwhile_is_not(album: Album) -> None:
    with album.catalog.transaction() as tx:
        stray_files.note(tx, 3, ["/a"])
    looked_at = due(album)
    with album.catalog.transaction() as tx:
        stray_files.note(tx, 3, ["/a"])
        stray_files.forget(tx, looked_at)
    assert [one.path for one in due(album)] == ["/a"]
    with album.catalog.transaction() as tx:
        stray_files.forget(tx, [])


def test_a_path_is_wanted_as_long_as_an_image_of_its_collection_has_it(album: Album) -> None:
    [indexed] = album.index("/indexed")
    pending = album.row("/pending")
    collection_id = album.collection.id
    with album.catalog.transaction() as tx:
        asked = [
            stray_files.is_wanted(tx, StrayFile(1, *place))
            for place in (
                (collection_id, "/indexed"),
                (collection_id, "/pending"),
                (collection_id, "/none"),
                (collection_id + 1, "/indexed"),
            )
        ]
    assert asked == [True, True, False, False]
    album.delete(indexed, pending)
    with album.catalog.transaction() as tx:
        assert not stray_files.is_wanted(tx, StrayFile(1, collection_id, "/indexed"))
