"""Uploads in an object store are whole, are put back when they are wanted, and are read as files are."""

from __future__ import annotations

import hashlib
import io
import time
from pathlib import Path

import pytest

from imagesearch.errors import PictureRejected, StoreUnavailable
from imagesearch.failures import FailureCode
from imagesearch.files import object_file, uploaded_objects
from imagesearch.files.paths import facts_of, open_stored, read_file
from imagesearch.files.roots import Roots
from imagesearch.files.uploaded_objects import UploadedObjects
from imagesearch.files.uploads import Uploads
from imagesearch.settings import PictureSettings
from support.objects import MemoryObjects

DATA = b"picture"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def uploads(objects: MemoryObjects, tmp_path: Path) -> UploadedObjects:
    return UploadedObjects(tmp_path.resolve() / "uploads", objects)


def stored(uploads: UploadedObjects, collection_id: int = 1, partition: str = "anna") -> Path:
    path = uploads.path_of(collection_id, partition, DIGEST, "PNG")
    assert uploads.store(path, DATA).st_size == len(DATA)
    return path


def key_of(uploads: UploadedObjects, path: Path) -> str:
    return str(path.relative_to(uploads.root))


def nobody() -> bool:
    """Say that no image has the path that is asked about."""
    return False


def test_a_directory_that_is_copied_into_a_store_is_the_same(uploads: UploadedObjects, tmp_path: Path) -> None:
    directory = Uploads(uploads.root)
    path = stored(uploads)
    directory.store(path, DATA)
    files = [str(file.relative_to(uploads.root)) for file in uploads.root.rglob("*") if file.is_file()]
    assert files == list(uploads.objects.held)  # type: ignore[attr-defined]
    assert list(directory.files(1)) == list(uploads.files(1)) == [str(path)]


def test_nothing_stays_of_what_was_only_drafted(uploads: UploadedObjects, objects: MemoryObjects) -> None:
    path = uploads.path_of(1, "anna", DIGEST, "PNG")
    with uploads.drafted(path, DATA):
        (draft,) = objects.held
        assert draft.rpartition("/")[2].startswith(".")
    assert not objects.held
    with pytest.raises(RuntimeError), uploads.drafted(path, DATA):
        raise RuntimeError
    assert not objects.held
    stored(uploads)
    assert list(objects.held) == [key_of(uploads, path)]


def test_a_store_that_takes_nothing_says_so_before_anything_is_wanted(
    uploads: UploadedObjects, objects: MemoryObjects
) -> None:
    objects.is_away = True
    with pytest.raises(StoreUnavailable), uploads.drafted(uploads.path_of(1, "", DIGEST, "PNG"), DATA):
        pytest.fail("its row would be made")


def test_a_draft_that_cannot_be_removed_costs_no_upload(uploads: UploadedObjects, objects: MemoryObjects) -> None:
    def before(call: str, key: str) -> None:
        if call == "delete":
            raise StoreUnavailable("uploads", "away in this test")

    objects.before = before
    path = stored(uploads)
    assert key_of(uploads, path) in objects.held


def test_what_is_there_is_not_sent_again(uploads: UploadedObjects, objects: MemoryObjects) -> None:
    path = stored(uploads)
    before = dict(objects.held)
    stored(uploads)
    assert objects.held == before
    objects.held[key_of(uploads, path)] = b"pict", 0
    stored(uploads)
    assert objects.held[key_of(uploads, path)][0] == DATA


def test_removing_takes_one_upload_and_twice_is_no_error(uploads: UploadedObjects, objects: MemoryObjects) -> None:
    paths = {stored(uploads, 1, "anna"), stored(uploads, 1, "bert"), stored(uploads, 2, "anna")}
    gone = stored(uploads, 1, "anna")
    for _ in range(2):
        uploads.remove(str(gone), nobody)
    assert set(objects.held) == {key_of(uploads, path) for path in paths - {gone}}
    uploads.remove(str(uploads.root / "2/../1/x.png"), nobody)
    assert len(objects.held) == 2
    assert uploads.collections() == {1, 2}


def test_what_an_image_has_stays_untouched(uploads: UploadedObjects, objects: MemoryObjects) -> None:
    path = stored(uploads)
    before = dict(objects.held)
    uploads.remove(str(path), lambda: True)
    assert objects.held == before


def test_what_an_image_has_by_the_time_it_is_removed_is_put_back(
    uploads: UploadedObjects, objects: MemoryObjects
) -> None:
    path = stored(uploads)
    key = key_of(uploads, path)
    # Somebody commits that he wants it, and finds it there, right before it is removed.
    committed: list[bool] = []

    def before(call: str, of: str) -> None:
        if (call, of) == ("delete", key):
            committed.append(True)
            assert key in objects.held

    objects.before = before
    uploads.remove(str(path), lambda: bool(committed))
    assert {name: data for name, (data, _) in objects.held.items()} == {key: DATA}


@pytest.mark.parametrize("dies_at", range(12))
def test_whatever_call_it_dies_at_the_next_one_puts_back_what_is_wanted(
    uploads: UploadedObjects, objects: MemoryObjects, dies_at: int
) -> None:
    class Died(BaseException):
        """End the process."""

    path = stored(uploads)
    key = key_of(uploads, path)
    objects.calls.clear()
    is_wanted: list[bool] = []

    def before(call: str, of: str) -> None:
        if (call, of) == ("delete", key):
            is_wanted.append(True)
        if len(objects.calls) > dies_at:
            raise Died

    objects.before = before
    try:
        uploads.remove(str(path), lambda: bool(is_wanted))
    except Died:
        objects.before = lambda call, of: None
        uploads.remove(str(path), lambda: True)
    assert {name: data for name, (data, _) in objects.held.items()} == {key: DATA}


def test_clearing_a_collection_leaves_what_is_no_uploads(
    uploads: UploadedObjects, objects: MemoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploaded_objects, "SLICE", 2)
    kept = {key_of(uploads, stored(uploads, 2)), "1/notes.txt", "12/x"}
    objects.put("1/notes.txt", b"")
    objects.put("12/x", b"")
    first = key_of(uploads, stored(uploads, 1, "anna"))
    for partition in ("bert", "carl", "dora"):
        stored(uploads, 1, partition)
    folder = first.rpartition("/")[0]
    young, old = f"{folder}/.{'a' * 32}", f"{folder}/.{'b' * 32}"
    objects.held[young] = b"", time.time_ns()
    objects.held[old] = b"", 0
    assert uploads.clear(1, dry_run=True) == uploads.clear(1) == 5
    assert set(objects.held) == {*kept, young}


def test_the_state_of_an_upload_is_told(uploads: UploadedObjects, objects: MemoryObjects) -> None:
    path = stored(uploads)
    key = key_of(uploads, path)
    assert uploads.state(str(path), contents=True) == "whole"
    objects.held[key] = b"damaged", 0
    assert (uploads.state(str(path)), uploads.state(str(path), contents=True)) == ("whole", "damaged")
    objects.held[key] = b"", 0
    assert uploads.state(str(path)) == "damaged"
    del objects.held[key]
    assert uploads.state(str(path)) == uploads.state("/elsewhere") == "missing"
    objects.is_away = True
    with pytest.raises(StoreUnavailable):
        uploads.state(str(path))


def test_an_upload_is_read_as_a_file_is(uploads: UploadedObjects, objects: MemoryObjects) -> None:
    roots, limits = Roots((), uploads.root, uploads), PictureSettings(max_file_bytes=len(DATA))
    path = str(stored(uploads))
    sizes: list[int] = []
    data, facts = read_file(path, roots, limits, admit=sizes.append)
    assert (data, facts.st_size, sizes) == (DATA, len(DATA), [len(DATA)])
    objects.calls.clear()
    with pytest.raises(PictureRejected) as rejected:
        read_file(path, roots, PictureSettings(max_file_bytes=len(DATA) - 1))
    assert rejected.value.code is FailureCode.TOO_LARGE
    assert "get" not in dict(objects.calls), "nothing of it was read"
    objects.held[key_of(uploads, Path(path))] = b"", 0
    with pytest.raises(PictureRejected) as rejected:
        read_file(path, roots, limits)
    assert rejected.value.code is FailureCode.EMPTY
    for gone in (path, f"{uploads.root}/1/none/notes.txt"):
        objects.held.clear()
        with pytest.raises(PictureRejected) as rejected:
            read_file(gone, roots, limits)
        assert rejected.value.code is FailureCode.VANISHED


def test_what_is_removed_before_it_is_read_has_vanished(uploads: UploadedObjects, objects: MemoryObjects) -> None:
    path = stored(uploads)

    def before(call: str, key: str) -> None:
        if call == "get":
            objects.held.clear()

    objects.before = before
    with pytest.raises(PictureRejected) as rejected:
        read_file(str(path), Roots((), uploads.root, uploads), PictureSettings())
    assert rejected.value.code is FailureCode.VANISHED


def test_a_store_that_is_away_makes_no_picture_fail(uploads: UploadedObjects, objects: MemoryObjects) -> None:
    roots, path = Roots((), uploads.root, uploads), str(stored(uploads))
    with open_stored(path, roots) as file:
        objects.is_away = True
        with pytest.raises(StoreUnavailable):
            file.read()
    with pytest.raises(StoreUnavailable):
        read_file(path, roots, PictureSettings())


def test_a_large_object_is_read_by_blocks(
    uploads: UploadedObjects, objects: MemoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_file, "BLOCK", 1000)
    data = bytes(range(256)) * 20
    path = uploads.path_of(1, "", hashlib.sha256(data).hexdigest(), "PNG")
    uploads.store(path, data)
    with open_stored(str(path), Roots((), uploads.root, uploads)) as file:
        assert facts_of(file).st_size == len(data)
        objects.calls.clear()
        assert file.read(10) == data[:10]
        assert len(objects.calls) == 1
        file.seek(-7, io.SEEK_END)
        assert file.read() == data[-7:]
        file.seek(1500)
        assert file.read(2000) == data[1500:3500]
        assert len(objects.calls) <= 5
