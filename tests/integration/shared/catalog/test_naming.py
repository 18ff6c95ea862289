"""A row names one vector, and what it has named before is buried; while a switch is followed, exceptions count."""

from __future__ import annotations

from collections.abc import Sized

import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections, images, keys, naming
from imagesearch.catalog.images import Image
from imagesearch.catalog.naming import Followed, Named
from imagesearch.catalog.states import ImageState
from imagesearch.catalog.tables import images as table
from imagesearch.catalog.tables import path_backlog, stray_files
from imagesearch.contract import UnchangedImage
from support.album import Album

pytestmark = pytest.mark.integration


def found_by(album: Album, *wanted: int | None) -> dict[int, str]:
    """Return the paths of the images that have these keys now; all ways of asking must agree."""
    followed = follow(album, *wanted)
    known = [key for key in wanted if key is not None]
    with album.catalog.reading() as tx:
        rows = images.by_keys(tx, album.collection.id, known)
        assert images.ids_by_keys(tx, album.collection.id, known) == {key: row.id for key, row in rows.items()}
        excepted = images.indexed_by_ids(tx, {one.image_id for one in followed.values() if one.is_current})
    found = {key: excepted[one.image_id].path for key, one in followed.items() if one.is_current}
    assert {key: row.path for key, row in rows.items()}.items() <= found.items()
    return found


def follow(album: Album, *wanted: int | None) -> dict[int, Followed]:
    with album.catalog.reading() as tx:
        return naming.follow(tx, album.collection.id, [key for key in wanted if key is not None])


def keys_of(album: Album, *rows: Image) -> dict[int, int]:
    with album.catalog.reading() as tx:
        return naming.keys_of_images(tx, [row.id for row in rows])


def unname(album: Album, row: Image, state: ImageState) -> None:
    with album.catalog.transaction() as tx:
        naming.unname(tx, album.collection, naming.lock(tx, album.collection, [row.id]).values(), state)


def test_a_first_vector_is_named_and_nothing_is_buried(album: Album) -> None:
    [row] = album.index("/a", sha256="ab")
    assert (row.state, row.sha256, row.size_bytes, row.format) == ("indexed", "ab", 10, "PNG")
    assert found_by(album, row.vector_key) == {row.vector_key: "/a"}
    assert album.buried() == set()


def test_a_new_vector_takes_the_place_of_the_one_before_which_is_buried(album: Album) -> None:
    [old] = album.index("/a", sha256="ab")
    [new] = album.index("/a", sha256="cd")
    assert (new.id, new.sha256) == (old.id, "cd")
    assert new.vector_key is not None
    assert new.vector_key > (old.vector_key or 0)
    assert found_by(album, old.vector_key, new.vector_key) == {new.vector_key: "/a"}
    assert album.buried() == {(old.vector_key, album.collection.vector_collection)}


def test_a_change_of_labels_leaves_what_is_known_of_the_file(album: Album) -> None:
    [old] = album.index("/a", sha256="ab")
    with album.catalog.transaction() as tx:
        [key] = keys.draw(tx, 1)
        naming.name(tx, album.collection, [Named(old, key, "anna", {"year": 2020})])
    new = album.row("/a")
    assert (new.partition, new.metadata, new.sha256, new.vector_key) == ("anna", {"year": 2020}, "ab", key)


def test_several_are_named_at_once_each_with_its_own(album: Album) -> None:
    rows = album.index("/b", "/a", "/c")
    again = album.index("/c", "/a")
    assert found_by(album, *(row.vector_key for row in [*rows, *again])) == {
        rows[0].vector_key: "/b",
        again[0].vector_key: "/c",
        again[1].vector_key: "/a",
    }
    assert {key for key, _ in album.buried()} == {rows[1].vector_key, rows[2].vector_key}


def test_images_are_named_and_seen_in_one_round_trip_however_many(album: Album) -> None:
    sent: list[int] = []

    def note(_: object, __: object, statement: str, parameters: Sized, ___: object, executemany: bool) -> None:
        if statement.startswith("UPDATE images"):
            sent.append(len(parameters) if executemany else 1)

    sa.event.listen(sa.Engine, "after_cursor_execute", note)
    try:
        rows = album.index("/a", "/b", "/c")
        with album.catalog.transaction() as tx:
            images.mark_seen(tx, [UnchangedImage(row.id, "digest", row.id, 7, row.version) for row in rows])
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", note)
    assert sent == [1, 1]
    seen = [album.row(path) for path in ("/a", "/b", "/c")]
    assert [(row.size_bytes, row.mtime_ns) for row in seen] == [(row.id, 7) for row in rows]
    assert not {row.version for row in seen} & {row.version for row in rows}
    assert len({row.version for row in seen}) == 3


def test_naming_nothing_does_nothing(album: Album) -> None:
    with album.catalog.transaction() as tx:
        naming.name(tx, album.collection, [])
        naming.unname(tx, album.collection, [], ImageState.FAILED)
        assert naming.delete(tx, album.collection, []) == []
        assert naming.follow(tx, album.collection.id, []) == {}


@pytest.mark.parametrize("state", [ImageState.FAILED, ImageState.PENDING])
def test_an_image_that_loses_its_vector_has_no_digest_that_could_keep_its_file_from_being_read(
    album: Album, state: ImageState
) -> None:
    [row] = album.index("/a")
    unname(album, row, state)
    bare = album.row("/a")
    assert (bare.state, bare.vector_key, bare.sha256, bare.size_bytes, bare.mtime_ns) == (state, *[None] * 4)
    assert album.buried() == {(row.vector_key, album.collection.vector_collection)}
    assert found_by(album, row.vector_key) == {}


def test_a_row_without_a_vector_keeps_its_state_where_its_vector_is_taken(album: Album) -> None:
    row = album.row("/a")
    unname(album, row, ImageState.FAILED)
    assert (album.row("/a").state, album.buried()) == ("pending", set())


@pytest.mark.parametrize(
    "values", [{"vector_key": 5}, {"state": "indexed"}, {"state": "failed", "vector_key": 5}], ids=str
)
def test_postgres_takes_no_row_that_is_indexed_without_a_key_or_has_one_otherwise(
    album: Album, values: dict[str, object]
) -> None:
    row = album.row("/a")
    with pytest.raises(sa.exc.IntegrityError, match="ck_images_vector_key"), album.catalog.transaction() as tx:
        tx.execute(sa.update(table).where(table.c.id == row.id).values(values))


def test_one_key_is_named_by_one_row_of_a_collection(album: Album) -> None:
    first, second = album.index("/a", "/b")
    with pytest.raises(sa.exc.IntegrityError, match="uq_images_vector_key"), album.catalog.transaction() as tx:
        tx.execute(sa.update(table).where(table.c.id == second.id).values(vector_key=first.vector_key))


def noted(album: Album) -> list[tuple[int, str]]:
    """Return the stray files, each with its collection."""
    with album.catalog.transaction() as tx:
        rows = tx.execute(sa.select(stray_files.c.collection_id, stray_files.c.path).order_by(stray_files.c.path))
        return [(row.collection_id, row.path) for row in rows]


def test_a_deleted_image_is_gone_and_its_key_buried(album: Album) -> None:
    indexed, other = album.index("/a", "/b")
    pending = album.row("/c")
    assert album.delete(indexed, pending, indexed) == sorted([indexed.id, pending.id])
    assert album.delete(indexed) == []
    assert found_by(album, indexed.vector_key, other.vector_key) == {other.vector_key: "/b"}
    assert album.buried() == {(indexed.vector_key, album.collection.vector_collection)}
    assert noted(album) == []


@pytest.mark.parametrize(("has_all_marks", "paths"), [(True, ["/upload"]), (False, ["/library", "/upload"])])
def test_the_file_of_a_deleted_upload_is_noted_and_of_any_that_may_be_one(
    album: Album, has_all_marks: bool, paths: list[str]
) -> None:
    rows = album.index("/library", "/upload", "/kept")
    with album.catalog.transaction() as tx:
        images.mark_uploaded(tx, rows[1].id)
        images.mark_uploaded(tx, rows[2].id)
        if not has_all_marks:
            tx.execute(sa.insert(path_backlog).values(reached=0))
    album.delete(*rows[:2])
    assert noted(album) == [(album.collection.id, path) for path in paths]


def test_an_image_of_another_collection_is_not_deleted_or_found(album: Album) -> None:
    [row] = album.index("/a")
    with album.catalog.transaction() as tx:
        other, _ = collections.create(tx, "other")
        assert naming.delete(tx, other, [row.id]) == []
        assert naming.follow(tx, other.id, [row.vector_key or 0]) == {}
        assert images.by_keys(tx, other.id, [row.vector_key or 0]) == {}
    assert album.row("/a") == row


def test_a_key_of_a_moment_ago_leads_to_its_image(album: Album) -> None:
    old = album.index("/new", "/gone", "/bare")
    album.index("/new")
    album.delete(old[1])
    unname(album, old[2], ImageState.PENDING)
    wanted = [row.vector_key for row in old]
    assert follow(album, *wanted) == {row.vector_key: Followed(row.id, is_current=False) for row in old}
    album.age_tombstones()
    assert follow(album, *wanted) == {}


class TestWhileASwitchIsFollowed:
    """Three images: the build has found another file under one, none under the next, and the third as it was."""

    @pytest.fixture
    def rows(self, album: Album) -> list[Image]:
        return album.index("/changed", "/broken", "/same", sha256="old")

    @pytest.fixture
    def new_key(self, album: Album, rows: list[Image]) -> int:
        build = album.begin_build()
        key = album.record(build, rows[0], sha256="new")
        album.record(build, rows[1], sha256=None)
        album.switch(build)
        assert key is not None
        return key

    def test_before_the_switch_nobody_is_led_to_what_the_build_has(self, album: Album, rows: list[Image]) -> None:
        key = album.record(album.begin_build(), rows[0], sha256="new")
        assert found_by(album, key, rows[0].vector_key) == {rows[0].vector_key: "/changed"}
        assert keys_of(album, *rows) == {row.id: row.vector_key for row in rows}

    def test_a_new_key_leads_to_its_image(self, album: Album, rows: list[Image], new_key: int) -> None:
        assert found_by(album, new_key, rows[2].vector_key) == {new_key: "/changed", rows[2].vector_key: "/same"}
        assert keys_of(album, rows[0], rows[2]) == {rows[0].id: new_key, rows[2].id: rows[2].vector_key}

    def test_a_row_is_brought_in_line_before_it_is_changed(
        self, album: Album, rows: list[Image], new_key: int
    ) -> None:
        with album.catalog.transaction() as tx:
            locked = naming.lock(tx, album.collection, [row.id for row in rows])
        found = [(locked[row.id].state, locked[row.id].vector_key, locked[row.id].sha256) for row in rows]
        assert found == [
            ("indexed", new_key, "new"),
            ("failed", None, None),
            ("indexed", rows[2].vector_key, "old"),
        ]
        live = album.collection.vector_collection
        assert album.buried() == {(rows[0].vector_key, live), (rows[1].vector_key, live)}

    def test_an_image_that_is_indexed_anew_is_found_by_that_alone(
        self, album: Album, rows: list[Image], new_key: int
    ) -> None:
        [newest] = album.index("/changed", sha256="newest")
        assert found_by(album, rows[0].vector_key, new_key, newest.vector_key) == {newest.vector_key: "/changed"}
        live = album.collection.vector_collection
        assert album.buried() == {(rows[0].vector_key, live), (new_key, live)}

    def test_a_deleted_image_takes_the_vector_of_the_build_along(
        self, album: Album, rows: list[Image], new_key: int
    ) -> None:
        assert album.delete(rows[0]) == [rows[0].id]
        assert found_by(album, rows[0].vector_key, new_key) == {}
        assert (new_key, album.collection.vector_collection) in album.buried()

    def test_an_exception_of_a_row_that_names_another_key_by_then_leads_nowhere(
        self, album: Album, rows: list[Image]
    ) -> None:
        build = album.begin_build()
        key = album.record(build, rows[0], sha256="new")
        [newer] = album.index("/changed", sha256="newer")
        album.switch(build)
        assert found_by(album, key, newer.vector_key) == {newer.vector_key: "/changed"}
        assert keys_of(album, newer) == {newer.id: newer.vector_key}
        with album.catalog.transaction() as tx:
            [locked] = naming.lock(tx, album.collection, [newer.id]).values()
        assert (locked.vector_key, locked.sha256) == (newer.vector_key, "newer")
        assert (key, album.collection.vector_collection) in album.buried()
