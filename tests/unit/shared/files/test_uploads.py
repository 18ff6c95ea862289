"""Uploads are stored whole, and nothing but an upload is ever removed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imagesearch.files.uploads import Uploads

DATA = b"picture"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path.resolve() / "uploads")


def stored(uploads: Uploads, collection_id: int = 1, partition: str = "anna") -> Path:
    path = uploads.path_of(collection_id, partition, DIGEST, "PNG")
    assert uploads.store(path, DATA).st_size == len(DATA)
    return path


def nobody() -> bool:
    """Say that no image has the path that is asked about."""
    return False


def names_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if not path.is_dir())


def test_a_draft_is_there_before_its_file_and_gone_without_it(uploads: Uploads) -> None:
    path = uploads.path_of(1, "anna", DIGEST, "PNG")
    with uploads.drafted(path, DATA):
        (draft,) = names_below(uploads.root)
        assert draft.startswith(".")
    assert names_below(uploads.root) == []
    with pytest.raises(RuntimeError), uploads.drafted(path, DATA):
        raise RuntimeError
    assert names_below(uploads.root) == []
    with uploads.drafted(path, DATA) as place:
        assert place().st_size == len(DATA)
    assert names_below(uploads.root) == [path.name]


def test_a_draft_takes_the_place_of_a_file_that_is_removed_meanwhile(uploads: Uploads) -> None:
    path = stored(uploads)
    with uploads.drafted(path, DATA) as place:
        assert names_below(uploads.root) == [path.name]
        uploads.remove(str(path), nobody)
        assert place().st_size == len(DATA)
    assert path.read_bytes() == DATA


def test_a_file_is_stored_whole_and_once(uploads: Uploads) -> None:
    path = stored(uploads)
    before = path.stat()
    assert stored(uploads) == path
    assert path.stat() == before
    assert path.read_bytes() == DATA
    assert names_below(uploads.root) == [path.name]


def test_what_was_cut_off_is_written_again(uploads: Uploads) -> None:
    path = stored(uploads)
    path.write_bytes(b"pict")
    assert stored(uploads).read_bytes() == DATA


def test_a_write_that_fails_leaves_nothing(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        stored(uploads)
    assert names_below(uploads.root) == []


def test_partitions_and_collections_have_files_of_their_own(uploads: Uploads) -> None:
    paths = {
        stored(uploads, 1, "anna"),
        stored(uploads, 1, "bert"),
        stored(uploads, 2, "anna"),
        stored(uploads, 1, ""),
    }
    assert len(paths) == 4
    uploads.remove(str(stored(uploads, 1, "anna")), nobody)
    assert sum(path.exists() for path in paths) == 3
    assert uploads.collections() == {1, 2}


def test_removing_twice_is_no_error(uploads: Uploads) -> None:
    path = stored(uploads)
    uploads.remove(str(path), nobody)
    uploads.remove(str(path), nobody)
    assert not path.exists()
    Uploads(uploads.root / "never made").remove(
        str(uploads.root / "never made" / path.relative_to(uploads.root)), nobody
    )


def test_a_file_that_an_image_has_stays_untouched(uploads: Uploads) -> None:
    path = stored(uploads)
    before = path.stat()
    uploads.remove(str(path), lambda: True)
    assert path.stat() == before
    assert names_below(uploads.root) == [path.name]


def test_a_file_is_put_back_that_an_image_has_by_the_time_it_is_set_aside(uploads: Uploads) -> None:
    path = stored(uploads)
    found = []

    def is_wanted() -> bool:
        found.append(names_below(uploads.root))
        return len(found) > 1

    uploads.remove(str(path), is_wanted)
    assert path.read_bytes() == DATA
    assert names_below(uploads.root) == [path.name]
    there, aside = found
    assert there == [path.name]
    assert len(aside) == 1
    assert aside[0].startswith(f".{path.name}.")


def test_what_is_stored_again_while_the_file_is_set_aside_stays(uploads: Uploads) -> None:
    path = stored(uploads)
    asked = []

    def is_wanted() -> bool:
        asked.append(path.exists())
        if len(asked) == 2:
            stored(uploads)
        return False

    uploads.remove(str(path), is_wanted)
    assert asked == [True, False]
    assert path.read_bytes() == DATA
    assert names_below(uploads.root) == [path.name]


def test_files_that_others_have_set_aside_and_left_are_removed_as_well(uploads: Uploads) -> None:
    path = stored(uploads)
    neighbour = path.with_name(f"{DIGEST[:-1]}0.png")
    for name in (f".{path.name}.{'ab' * 16}", f".{path.name}.{'cd' * 16}", f".{neighbour.name}.{'ef' * 16}"):
        path.with_name(name).write_bytes(DATA)
    uploads.remove(str(path), nobody)
    assert names_below(uploads.root) == [f".{neighbour.name}.{'ef' * 16}"]


def test_a_file_that_somebody_has_set_aside_before_they_died_is_put_back_where_an_image_has_it(
    uploads: Uploads,
) -> None:
    path = stored(uploads)
    path.rename(path.with_name(f".{path.name}.{'ab' * 16}"))
    uploads.remove(str(path), lambda: True)
    assert path.read_bytes() == DATA
    assert names_below(uploads.root) == [path.name]


def test_a_rename_that_comes_late_takes_no_file_from_an_image(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks, stands still until the picture is uploaded again, and sets its file aside then."""
    path = stored(uploads)
    rename = os.rename
    images: list[str] = []

    def late(source: str, target: str, **folders: int) -> None:
        if not images:
            images.append("uploaded again")
            stored(uploads)
        rename(source, target, **folders)

    monkeypatch.setattr(os, "rename", late)
    uploads.remove(str(path), lambda: bool(images))
    assert path.read_bytes() == DATA
    assert names_below(uploads.root) == [path.name]


def test_what_was_set_aside_and_left_goes_with_a_collection_that_is_gone(uploads: Uploads) -> None:
    path = stored(uploads)
    aside = path.with_name(f".{path.name}.{'ab' * 16}")
    path.rename(aside)
    os.utime(aside, (0, 0))
    assert uploads.clear(1) == 1
    assert names_below(uploads.root) == []


@pytest.mark.parametrize(
    "spelled",
    [
        lambda root, library: f"{root}/1/../../library/x.jpg",
        lambda root, library: f"{root}//1/none/ab/cd/../../../../../library/x.jpg",
        lambda root, library: f"{root}/../library/x.jpg",
        lambda root, library: f"{root}/./../library/x.jpg",
        lambda root, library: str(library),
        lambda root, library: f"{root}/library/x.jpg",
        lambda root, library: f"{root}/x.jpg",
        lambda root, library: str(root),
        lambda root, library: "",
        lambda root, library: f"{root}x/1/none/ab/cd/abcd{60 * '0'}.jpg",
        lambda root, library: f"{root}/1/none/ab/cd/abcd{60 * '0'}.jpg/../../../../../../library/x.jpg",
        lambda root, library: f"{str(root).upper()}/1/../../library/x.jpg",
    ],
)
def test_no_other_spelling_removes_a_file(uploads: Uploads, spelled: Callable[[Path, Path], str]) -> None:
    library = uploads.root.parent / "library" / "x.jpg"
    inner = uploads.root / "library" / "x.jpg"
    for path in (library, inner, uploads.root / "x.jpg"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
    stored(uploads)
    before = names_below(uploads.root.parent)
    uploads.remove(spelled(uploads.root, library), nobody)
    assert names_below(uploads.root.parent) == before


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_link_on_the_way_is_not_followed(uploads: Uploads, depth: int) -> None:
    path = stored(uploads)
    folder = [*reversed(path.relative_to(uploads.root).parents)][1:][depth]
    elsewhere = uploads.root.parent / "elsewhere"
    (uploads.root / folder).rename(elsewhere)
    (uploads.root / folder).symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"directory|levels of symbolic links"):
        uploads.remove(str(path), nobody)
    with pytest.raises(OSError, match=r"directory|levels of symbolic links"):
        uploads.store(path, DATA + b"!")
    assert names_below(elsewhere) == [path.name]


def test_a_link_in_place_of_the_file_goes_alone(uploads: Uploads) -> None:
    path = stored(uploads)
    library = uploads.root.parent / "library.jpg"
    library.write_bytes(DATA)
    path.unlink()
    path.symlink_to(library)
    assert not stored(uploads).is_symlink()
    path.unlink()
    path.symlink_to(library)
    uploads.remove(str(path), nobody)
    assert library.read_bytes() == DATA


def test_a_hard_link_keeps_the_bytes_of_a_library(uploads: Uploads) -> None:
    path = stored(uploads)
    library = uploads.root.parent / "library.jpg"
    library.hardlink_to(path)
    uploads.remove(str(path), nobody)
    assert library.read_bytes() == DATA


def test_what_is_called_by_another_digest_is_no_leaving(uploads: Uploads) -> None:
    leaving, kept = stored(uploads), stored(uploads, 2)
    draft = leaving.parent / f".{'ab' * 16}"
    young = leaving.parent / f".{'cd' * 16}"
    foreign = uploads.path_of(1, "anna", "ab" * 32, "PNG")
    holiday = uploads.root / "1" / "holiday" / "x.jpg"
    for path in (draft, young, foreign, holiday):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DATA)
    os.utime(draft, (0, 0))
    (leaving.parent / "link.png").symlink_to(kept)
    assert uploads.clear(1, dry_run=True) == 2
    assert leaving.exists()
    assert uploads.clear(1) == 2
    assert [path.exists() for path in (leaving, draft, young, foreign, holiday, kept)] == [False] * 2 + [True] * 4
    for path in (young, foreign, holiday, leaving.parent / "link.png"):
        path.unlink()
    holiday.parent.rmdir()
    assert uploads.clear(1) == 0
    assert uploads.collections() == {2}
    assert uploads.clear(1) == 0


def test_a_collection_that_is_a_link_is_not_cleared(uploads: Uploads) -> None:
    path = stored(uploads)
    (uploads.root / "1").rename(uploads.root.parent / "elsewhere")
    (uploads.root / "1").symlink_to(uploads.root.parent / "elsewhere")
    assert uploads.collections() == set()
    assert uploads.clear(1) == 0
    assert (uploads.root.parent / "elsewhere" / path.relative_to(uploads.root / "1")).exists()


def test_only_whole_numbers_are_collections(uploads: Uploads) -> None:
    for name in ("7", "007", "x", "٣", "-1"):
        (uploads.root / name).mkdir(parents=True)
    (uploads.root / "8").touch()
    assert uploads.collections() == {7}
    assert Uploads(uploads.root / "nothing").collections() == set()
