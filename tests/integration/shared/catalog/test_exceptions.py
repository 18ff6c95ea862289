"""What a build found otherwise than the rows say is applied to them after the switch, where it still holds."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.reindex import builds, exceptions
from imagesearch.catalog.reindex.builds import ReindexBuild
from imagesearch.catalog.reindex.exceptions import ExceptionRecord
from imagesearch.catalog.tables import built_images, images
from imagesearch.catalog.tombstones import Buried
from imagesearch.errors import Conflict
from support.album import Album, facts

pytestmark = pytest.mark.integration


def recorded(album: Album) -> int:
    with album.catalog.transaction() as tx:
        return tx.execute(sa.select(sa.func.count()).select_from(built_images)).scalar_one()


def apply_all(album: Album, *, limit: int) -> int:
    """Apply all exceptions; return how many slices it took."""
    slices, more = 0, True
    while more:
        with album.catalog.transaction() as tx:
            more = exceptions.apply_next(tx, album.collection.id, limit=limit)
        slices += 1
    return slices


def holding(tx: Transaction, build: ReindexBuild, image_ids: list[int]) -> dict[int, int]:
    """Return the keys of the new vectors of those of the images whose exceptions hold, by image id."""
    query = sa.select(built_images.c.image_id, built_images.c.vector_key).where(
        built_images.c.job_id == build.job_id,
        built_images.c.image_id.in_(image_ids),
        built_images.c.vector_key.is_not(None),
        sa.exists().where(images.c.id == built_images.c.image_id, images.c.vector_key == built_images.c.from_key),
    )
    return {row.image_id: row.vector_key for row in tx.execute(query)}


def test_the_newest_exception_of_an_image_counts(album: Album) -> None:
    [row] = album.index("/a")
    build = album.begin_build()
    album.record(build, row, sha256="first")
    second = album.record(build, row, sha256="second")
    with album.catalog.transaction() as tx:
        assert holding(tx, build, [row.id]) == {row.id: second}
        assert exceptions.has_any(tx, build.job_id)
        assert exceptions.forget(tx, build.job_id, [row.id, row.id + 1]) == [Buried(second or 0, None, "second")]
        assert not exceptions.has_any(tx, build.job_id)
        exceptions.record(tx, build.job_id, [])


def test_an_exception_without_a_vector_leaves_nothing_to_bury(album: Album) -> None:
    [row] = album.index("/a")
    build = album.begin_build()
    album.record(build, row, sha256=None)
    with album.catalog.transaction() as tx:
        assert holding(tx, build, [row.id]) == {}
        assert exceptions.forget(tx, build.job_id, [row.id]) == []


def test_an_exception_holds_as_long_as_the_row_names_the_key_that_it_was_recorded_for(album: Album) -> None:
    [row] = album.index("/a")
    build = album.begin_build()
    key = album.record(build, row, sha256="new") or 0
    image_keys = {row.id: row.vector_key or 0}
    with album.catalog.transaction() as tx:
        assert holding(tx, build, [row.id, row.id + 1]) == {row.id: key}
        assert exceptions.without_vector(tx, build.job_id, image_keys) == {row.id}
    [newer] = album.index("/a")
    with album.catalog.transaction() as tx:
        assert holding(tx, build, [row.id]) == {}
        assert exceptions.without_vector(tx, build.job_id, {row.id: newer.vector_key or 0}) == set()


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_rows_follow_a_switch_slice_by_slice(album: Album, limit: int) -> None:
    changed, broken, newer, gone, same = album.index(
        "/changed", "/broken", "/newer", "/gone", "/same", sha256="old"
    )
    build = album.begin_build()
    drawn = {row.path: album.record(build, row, sha256="new") for row in (changed, newer, gone)}
    album.record(build, broken, sha256=None)
    [newest] = album.index("/newer", sha256="newest")
    album.delete(gone)
    album.switch(build)
    assert album.collection.switched_build == build.job_id
    apply_all(album, limit=limit)
    rows = [album.row(path) for path in ("/changed", "/broken", "/newer", "/same")]
    assert [(row.state, row.vector_key, row.sha256) for row in rows] == [
        ("indexed", drawn["/changed"], "new"),
        ("failed", None, None),
        ("indexed", newest.vector_key, "newest"),
        ("indexed", same.vector_key, "old"),
    ]
    live = album.collection.vector_collection
    buried = {key for key, name in album.buried() if name == live}
    replaced = {row.vector_key for row in (changed, broken, newer, gone)}
    assert buried == replaced | {drawn["/newer"], drawn["/gone"]}
    assert (recorded(album), album.collection.switched_build) == (0, None)


def test_rows_follow_a_switch_in_as_many_statements_however_many_a_slice_has(album: Album) -> None:
    rows = album.index(*(f"/{n}" for n in range(12)), sha256="old")
    build = album.begin_build()
    for at, row in enumerate(rows):
        album.record(build, row, sha256="new" if at % 2 else None)
    album.switch(build)
    costs = []
    for limit in (2, 10):
        updates: list[str] = []
        with album.catalog.transaction() as tx:
            sa.event.listen(tx, "before_cursor_execute", lambda _, __, said, *___: updates.append(said))  # noqa: B023
            assert exceptions.apply_next(tx, album.collection.id, limit=limit)
        costs.append(len(updates))
    assert costs[0] == costs[1]
    assert [album.row(f"/{n}").state for n in range(12)] == ["failed", "indexed"] * 6


def test_facts_of_the_new_file_are_recorded_with_its_vector(album: Album) -> None:
    [row] = album.index("/a")
    build = album.begin_build()
    with album.catalog.transaction() as tx:
        found = ExceptionRecord(row.id, row.vector_key or 0, 5, facts(row.id, "new"))
        exceptions.record(tx, build.job_id, [found])
        tx.execute(sa.update(built_images).values(size_bytes=77, mtime_ns=88, width=9, height=7, format="GIF"))
    album.switch(build)
    apply_all(album, limit=5)
    followed = album.row("/a")
    assert (followed.size_bytes, followed.mtime_ns, followed.width, followed.height) == (77, 88, 9, 7)
    assert (followed.format, followed.vector_key) == ("GIF", 5)


def test_a_switch_without_exceptions_leaves_nothing_to_follow(album: Album) -> None:
    album.index("/a")
    assert album.switch(album.begin_build()).switched_build is None
    with album.catalog.transaction() as tx:
        assert not exceptions.apply_next(tx, album.collection.id, limit=5)


def test_nothing_is_built_anew_while_rows_follow_the_build_before(album: Album) -> None:
    [row] = album.index("/a")
    build = album.begin_build()
    album.record(build, row, sha256="new")
    album.switch(build)
    with pytest.raises(Conflict, match="follows its last reindex"):
        album.begin_build()
    apply_all(album, limit=5)
    assert album.begin_build().is_building


def test_the_exceptions_of_a_build_that_was_given_up_are_forgotten_and_rows_stay(album: Album) -> None:
    rows = album.index("/a", "/b", "/c")
    build = album.begin_build()
    for row in rows:
        album.record(build, row, sha256="new")
    with album.catalog.transaction() as tx:
        assert not exceptions.clear_abandoned(tx, limit=2)
        builds.abandon(tx, build)
    left = []
    more = True
    while more:
        with album.catalog.transaction() as tx:
            more = exceptions.clear_abandoned(tx, limit=2)
        left.append(recorded(album))
    assert left == [1, 0, 0]
    assert [album.row(row.path) for row in rows] == rows
