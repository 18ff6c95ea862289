"""A walk finds every file once, in an order in which it can be taken up again anywhere."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagesearch.errors import SourceRejected, StoreUnavailable
from imagesearch.failures import FailureCode
from imagesearch.files import directory_names
from imagesearch.files import walk as walking
from imagesearch.files.descent import Level
from imagesearch.files.roots import Roots
from imagesearch.files.walk import Entry, walk


@pytest.fixture
def top() -> Iterator[Path]:
    """A directory that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(os.path.realpath(made))


def plant(top: Path, *names: str) -> None:
    for name in names:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def found(top: Path, *, recursive: bool = True, after: str | None = None) -> list[str]:
    """Return the walk's paths, relative to its top."""
    return [name.removeprefix(f"{top}/") for name, _ in walk(top, Roots((top,)), recursive=recursive, after=after)]


def losses(top: Path) -> dict[str, FailureCode]:
    entries = [entry for _, entry in walk(top, Roots((top,)), recursive=True, after=None) if entry.failure]
    assert all(entry.reason and "/" not in entry.reason for entry in entries)
    return {entry.path.removeprefix(f"{top}/"): entry.failure for entry in entries if entry.failure}


def test_every_file_is_found_whatever_its_extension(top: Path) -> None:
    names = [
        "a.jpg",
        "b.JPEG",
        "c",
        "notes.txt",
        "d/e/f.png",
        "d/g.jpg",
        "ünï/图 片.jpg",
        "with\nnewline.jpg",
        "d.jpg",
    ]
    plant(top, *names)
    assert sorted(found(top)) == sorted(names)


def test_an_entry_carries_size_and_modification_time(top: Path) -> None:
    plant(top, "a.jpg")
    os.utime(top / "a.jpg", ns=(1, 1_234_567_890_123_456_789))
    [(name, entry)] = walk(top, Roots((top,)), recursive=True, after=None)
    assert (name, entry) == (f"{top}/a.jpg", Entry(f"{top}/a.jpg", 1, 1_234_567_890_123_456_789))


def test_names_sort_by_code_points_and_directories_stand_among_files(top: Path) -> None:
    plant(top, "b.jpg", "B.jpg", "a/z.jpg", "a.jpg", "a/b/c.jpg", "a b.jpg", "é.jpg", "z.jpg", "10.jpg", "9.jpg")
    assert found(top) == [
        *("10.jpg", "9.jpg", "B.jpg", "a/b/c.jpg", "a/z.jpg", "a b.jpg", "a.jpg", "b.jpg", "z.jpg", "é.jpg")
    ]


def test_subdirectories_are_entered_only_on_request(top: Path) -> None:
    plant(top, "a.jpg", "b/c.jpg")
    assert found(top, recursive=False) == ["a.jpg"]
    assert found(top, recursive=False, after=f"{top}/a.jpg") == []


def test_hidden_names_and_system_files_are_left_out(top: Path) -> None:
    plant(top, "a.jpg", ".hidden.jpg", "._a.jpg", ".git/b.jpg", "Thumbs.db", "sub/THUMBS.DB", "desktop.ini")
    plant(top, "ehthumbs.db", "@eaDir/a.jpg", "sub/__MACOSX/a.jpg", "lost+found/a.jpg", "sub/b.jpg")
    assert found(top) == ["a.jpg", "sub/b.jpg"]


def test_an_empty_directory_ends_at_once(top: Path) -> None:
    (top / "nothing" / "here").mkdir(parents=True)
    assert found(top) == []


def test_a_deep_tree_needs_no_deep_stack(top: Path) -> None:
    name = "d/" * 300 + "a.jpg"
    plant(top, name)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        assert found(top) == [name]
    finally:
        sys.setrecursionlimit(before)


def test_links_to_files_are_found_and_links_to_directories_are_not_followed(top: Path, tmp_path: Path) -> None:
    plant(top, "real/a.jpg")
    plant(tmp_path, "outside.jpg", "folder/b.jpg")
    (top / "to file.jpg").symlink_to("real/a.jpg")
    (top / "to outside.jpg").symlink_to(tmp_path / "outside.jpg")
    (top / "real" / "loop").symlink_to(top)
    (top / "same").symlink_to("real")
    assert found(top) == ["real/a.jpg", "to file.jpg", "to outside.jpg"]
    assert losses(top) == {"to outside.jpg": FailureCode.FORBIDDEN}
    roots = Roots((top, tmp_path.resolve()))
    files = [entry.path for _, entry in walk(top, roots, recursive=True, after=None)]
    assert files == [f"{top}/real/a.jpg", f"{top}/real/a.jpg", f"{tmp_path.resolve()}/outside.jpg"]


def test_uploads_are_left_out_by_whatever_name_they_are_reached(top: Path) -> None:
    plant(top, "a.jpg", "uploads/1/b.jpg", "c.jpg")
    (top / "link.jpg").symlink_to("uploads/1/b.jpg")
    roots = Roots((top,), top / "uploads")
    steps = list(walk(top, roots, recursive=True, after=None))
    assert [name for name, _ in steps] == [f"{top}/{name}" for name in ("a.jpg", "c.jpg", "link.jpg")]
    assert [entry.failure for _, entry in steps] == [None, None, FailureCode.FORBIDDEN]


def test_a_link_to_a_directory_elsewhere_is_a_loss(top: Path, tmp_path: Path) -> None:
    (top / "elsewhere").symlink_to(tmp_path)
    assert losses(top) == {"elsewhere": FailureCode.NOT_A_FILE}
    assert found(top, recursive=False) == []


def test_a_link_that_leads_nowhere_is_a_loss(top: Path) -> None:
    (top / "dangling.jpg").symlink_to("nothing")
    (top / "loop.jpg").symlink_to("loop.jpg")
    assert losses(top) == {"dangling.jpg": FailureCode.VANISHED, "loop.jpg": FailureCode.FORBIDDEN}


def test_pipes_and_sockets_are_no_files(top: Path) -> None:
    os.mkfifo(top / "fifo.jpg")
    plant(top, "a.jpg")
    assert found(top) == ["a.jpg"]


def test_names_that_are_not_utf8_are_losses_that_can_be_shown(top: Path) -> None:
    plant(top, "a.jpg", "z.jpg")
    plant(top, os.fsdecode(b"caf\xe9.jpg"), os.fsdecode(b"bad\xff/inner.jpg"))
    assert losses(top) == {
        "caf\\xe9.jpg": FailureCode.UNSUPPORTED_NAME,
        "bad\\xff/inner.jpg": FailureCode.UNSUPPORTED_NAME,
    }
    listed = found(top)
    assert listed == ["a.jpg", "bad\\xff/inner.jpg", "caf\\xe9.jpg", "z.jpg"]
    for index, name in enumerate(listed):
        name.encode()
        assert found(top, after=f"{top}/{name}") == listed[index + 1 :]


def test_a_directory_that_may_not_be_listed_is_a_loss_and_its_neighbours_are_found(top: Path) -> None:
    plant(top, "a.jpg", "private/b.jpg", "z.jpg")
    (top / "private").chmod(0o000)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    try:
        assert found(top) == ["a.jpg", "private", "z.jpg"]
        assert losses(top) == {"private": FailureCode.FORBIDDEN}
        assert found(top, after=f"{top}/private") == ["z.jpg"]
        assert found(top, after=f"{top}/a.jpg") == ["private", "z.jpg"]
    finally:
        os.seteuid(before)


def test_a_file_that_vanishes_under_the_walk_is_a_loss(top: Path) -> None:
    plant(top, "a.jpg", "b.jpg", "c/d.jpg", "e.jpg")
    steps = walk(top, Roots((top,)), recursive=True, after=None)
    assert next(steps)[0] == f"{top}/a.jpg"
    (top / "b.jpg").unlink()
    (top / "c" / "d.jpg").unlink()
    (top / "c").rmdir()
    assert [(name.removeprefix(f"{top}/"), entry.failure) for name, entry in steps] == [
        ("b.jpg", FailureCode.VANISHED),
        ("c", FailureCode.VANISHED),
        ("e.jpg", None),
    ]


def test_a_disk_that_fails_is_a_loss(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(top, "a.jpg", "sub/b.jpg")
    names = walking._names

    def fail_below(level: Level, done: tuple[str, ...] = ()) -> Iterator[str]:
        if level.path != str(top):
            raise OSError(5, "Input/output error", level.path)
        return names(level, done)

    monkeypatch.setattr(walking, "_names", fail_below)
    assert losses(top) == {"sub": FailureCode.IO_ERROR}


def test_a_disk_that_fails_in_the_middle_of_a_large_directory_is_a_loss(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(top, "a.jpg", "b.jpg", "sub/c.jpg", "z.jpg")
    monkeypatch.setattr(directory_names, "RUN", 1)
    scan = os.scandir

    @contextmanager
    def fail_later(descriptor: int) -> Iterator[Iterator[os.DirEntry[str]]]:
        def some(entries: list[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
            yield from entries[:2]
            raise OSError(5, "Input/output error")

        with scan(descriptor) as entries:
            yield some(sorted(entries, key=lambda entry: entry.name))

    monkeypatch.setattr(directory_names.os, "scandir", fail_later)
    entries = [entry for _, entry in walk(top, Roots((top,)), recursive=True, after=None)]
    assert [entry.path for entry in entries] == [f"{top}/a.jpg", f"{top}/b.jpg", str(top)]
    assert entries[-1].failure == FailureCode.IO_ERROR


def test_a_top_that_is_gone_ends_the_walk_with_an_error(top: Path) -> None:
    with pytest.raises(SourceRejected) as caught:
        found(top / "gone")
    assert caught.value.kind == "missing"


def test_going_on_in_another_directory_is_an_error(top: Path) -> None:
    with pytest.raises(SourceRejected):
        found(top, after="/somewhere/else.jpg")


def test_going_on_works_behind_what_has_vanished(top: Path) -> None:
    plant(top, "a.jpg", "b/c.jpg", "b/e.jpg", "f.jpg")
    assert found(top, after=f"{top}/b/d.jpg") == ["b/e.jpg", "f.jpg"]
    assert found(top, after=f"{top}/b/c.jpg/deeper.jpg") == ["b/e.jpg", "f.jpg"]
    assert found(top, after=f"{top}/b/c/deeper.jpg") == ["b/c.jpg", "b/e.jpg", "f.jpg"]
    assert found(top, after=f"{top}/aa/gone/x.jpg") == ["b/c.jpg", "b/e.jpg", "f.jpg"]
    assert found(top, after=f"{top}/z.jpg") == []


def test_going_on_behind_a_file_that_became_a_directory_finds_what_is_in_it(top: Path) -> None:
    plant(top, "a/new.jpg", "b.jpg")
    assert found(top, after=f"{top}/a") == ["a/new.jpg", "b.jpg"]


COMPONENTS = st.text(
    st.sampled_from("ab-./ é😀").filter(lambda letter: letter != "/"), min_size=1, max_size=3
).filter(lambda name: not name.startswith("."))


@given(st.sets(st.lists(COMPONENTS, min_size=1, max_size=4).map(tuple), max_size=12), st.data())
@settings(max_examples=150, deadline=None)
def test_a_walk_can_be_taken_up_again_anywhere(tree: set[tuple[str, ...]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as made:
        top = Path(os.path.realpath(made))
        files = {parts for parts in tree if not any(other[: len(parts)] == parts for other in tree - {parts})}
        plant(top, *("/".join(parts) for parts in files))
        expected = ["/".join(parts) for parts in sorted(files)]
        assert found(top) == expected
        for index, name in enumerate(expected):
            assert found(top, after=f"{top}/{name}") == expected[index + 1 :]
        if files:
            stop = data.draw(st.integers(0, len(expected) - 1))
            (top / expected[stop]).unlink()
            assert found(top, after=f"{top}/{expected[stop]}") == expected[stop + 1 :]


@pytest.mark.parametrize("part", [1, 2, 3, 7, 100])
def test_a_large_directory_is_sorted_in_runs_and_gives_the_same_order(
    top: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    plant(top, *(f"{index:02}.jpg" for index in range(9)), "05/a.jpg", "05/b.jpg", "ä.jpg", "\\xff.jpg")
    Path(os.fsdecode(os.fsencode(top) + b"/\xff.jpg")).write_bytes(b"x")
    whole = found(top)
    assert len(whole) == 14
    monkeypatch.setattr(directory_names, "RUN", part)
    assert found(top) == whole
    for index, path in enumerate(whole):
        if whole.count(path) == 1:
            assert found(top, after=f"{top}/{path}") == whole[index + 1 :]


def test_a_directory_is_read_once_and_once_more_when_a_walk_is_taken_up_again(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{index:02}.jpg" for index in range(20)]
    plant(top, *names)
    monkeypatch.setattr(directory_names, "RUN", 3)
    read: list[int] = []
    looked_at: list[str] = []
    scan, look = os.scandir, os.stat
    monkeypatch.setattr(directory_names.os, "scandir", lambda of: read.append(of) or scan(of))

    def look_at(of: str | int, **how: Any) -> os.stat_result:
        if isinstance(of, str):
            looked_at.append(of)
        return look(of, **how)

    monkeypatch.setattr(walking.os, "stat", look_at)
    assert (found(top), len(read), looked_at) == (names, 1, names)
    looked_at.clear()
    assert (found(top, after=f"{top}/14.jpg"), len(read)) == (names[15:], 2)
    assert looked_at == names[14:], "none that was planned but the last, which may be a directory by now"


def test_no_room_for_the_names_of_a_large_directory_is_no_loss(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(top, *(f"{index:02}.jpg" for index in range(9)))
    monkeypatch.setattr(directory_names, "RUN", 3)

    def fail(*_: object, **__: object) -> tuple[int, str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(directory_names.tempfile, "mkstemp", fail)
    with pytest.raises(StoreUnavailable, match="No space left"):
        found(top)


@pytest.mark.parametrize("swapped", ["d", "d/home"])
def test_a_directory_that_becomes_a_link_lists_nothing_elsewhere(swapped: str, top: Path, tmp_path: Path) -> None:
    plant(top, "a.jpg", "d/a.jpg", "d/home/b.jpg", "d/z.jpg", "e/f.jpg")
    plant(tmp_path, "a.jpg", "home/secret.pdf", "home/home/secret.pdf", "secret.pdf", "z.jpg")
    steps = walk(top, Roots((top,)), recursive=True, after=None)
    names = [next(steps)[0], next(steps)[0]]
    (top / swapped).rename(top / ".aside")
    (top / swapped).symlink_to(tmp_path)
    entries = dict(steps)
    names += entries
    assert not [name for name in names if "secret" in name]
    assert f"{top}/e/f.jpg" in entries
    assert not [entry for entry in entries.values() if not entry.path.startswith(str(top))]


def test_a_directory_that_was_moved_away_is_left_where_it_was(top: Path, tmp_path: Path) -> None:
    plant(top, "a/b/c.jpg", "a/d.jpg", "z.jpg")
    plant(tmp_path, "secret.jpg", "d.jpg")
    steps = walk(top, Roots((top,)), recursive=True, after=None)
    assert next(steps)[0] == f"{top}/a/b/c.jpg"
    (top / "a" / "b").rename(tmp_path / "b")
    assert [name for name, _ in steps] == [f"{top}/a/d.jpg", f"{top}/z.jpg"]


def test_what_lies_above_has_to_be_what_it_was(top: Path, tmp_path: Path) -> None:
    plant(top, "a/b/c.jpg", "a/d.jpg", "z.jpg")
    steps = walk(top, Roots((top,)), recursive=True, after=None)
    assert next(steps)[0] == f"{top}/a/b/c.jpg"
    (top / "a" / "b").rename(tmp_path / "b")
    (top / "a").rename(tmp_path / "a")
    assert [(name, entry.failure) for name, entry in steps] == [
        (f"{top}/a", FailureCode.VANISHED),
        (f"{top}/z.jpg", None),
    ]


def test_a_walk_that_is_broken_off_leaves_no_descriptor_open(top: Path) -> None:
    plant(top, "a/b/c.jpg", "a/d.jpg")
    before = len(list(Path("/proc/self/fd").iterdir()))
    steps = walk(top, Roots((top,)), recursive=True, after=None)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert len(list(Path("/proc/self/fd").iterdir())) == before
