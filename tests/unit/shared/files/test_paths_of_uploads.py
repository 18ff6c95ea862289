"""The uploads are no source of a job under any name; their files are read by their stored paths alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imagesearch.contract import FailureCode
from imagesearch.errors import PictureRejected, SourceRejected
from imagesearch.files.beneath import identity_of
from imagesearch.files.paths import open_file, read_file, resolve_directory, resolve_file
from imagesearch.files.roots import Roots
from imagesearch.settings import PictureSettings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with its links resolved, as configured roots are."""
    return tmp_path.resolve()


def bytes_of(text: str, roots: Roots) -> bytes:
    return read_file(text, roots, PictureSettings())[0]


def code_of(reader: Callable[[str, Roots], object], text: str, roots: Roots) -> FailureCode:
    with pytest.raises(PictureRejected) as caught:
        reader(text, roots)
    return caught.value.code


@pytest.fixture
def uploaded(root: Path) -> Path:
    """A file among the uploads, which lie below the root."""
    path = root / "uploads" / "1" / "a.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"tenant's own")
    (root / "library").mkdir()
    return path


SPELLINGS = [
    "uploads/1/a.jpg",
    "uploads/../uploads/1/a.jpg",
    "library/../uploads/1/a.jpg",
    "/uploads//1/a.jpg",
    "library/link.jpg",
    "library/folder/a.jpg",
    "library/folder/../1/a.jpg",
    "library/up/uploads/1/a.jpg",
]


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_uploads_are_no_source_however_they_are_spelled(spelled: str, root: Path, uploaded: Path) -> None:
    (root / "library" / "link.jpg").symlink_to(uploaded)
    (root / "library" / "folder").symlink_to(uploaded.parent)
    (root / "library" / "up").symlink_to(root)
    roots = Roots((root,), root / "uploads")
    for reader in (resolve_file, open_file):
        with pytest.raises(PictureRejected) as caught:
            reader(f"{root}/{spelled}", roots)
        assert caught.value.code is FailureCode.FORBIDDEN
    assert resolve_file(f"{root}/{spelled}", Roots((root,))) == uploaded


@pytest.mark.parametrize(
    "spelled",
    ["uploads", "uploads/1", "library/folder", "library/../uploads/1", "/uploads//1", "library/up/uploads/"],
)
def test_no_job_begins_among_the_uploads(spelled: str, root: Path, uploaded: Path) -> None:
    (root / "library" / "folder").symlink_to(uploaded.parent)
    (root / "library" / "up").symlink_to(root)
    with pytest.raises(SourceRejected) as caught:
        resolve_directory(f"{root}/{spelled}", Roots((root,), root / "uploads"))
    assert caught.value.kind == "forbidden"
    assert resolve_directory(f"{root}/{spelled}", Roots((root,))).is_dir()


def test_uploads_that_are_reached_by_another_name_are_no_source(
    root: Path, uploaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system that takes capitals for small letters, or through a second mount."""
    roots = Roots((root,), root / "uploads")
    other = root / "library" / "other"
    (root / "uploads").rename(other)
    monkeypatch.setattr(Roots, "barred", property(lambda _: {identity_of(other)}))
    assert code_of(open_file, f"{other}/1/a.jpg", roots) is FailureCode.FORBIDDEN
    with pytest.raises(SourceRejected):
        resolve_directory(f"{other}/1", roots)


def test_the_file_of_an_upload_is_read_by_its_stored_path_alone(root: Path, uploaded: Path) -> None:
    roots = Roots((root,), root / "uploads")
    assert bytes_of(str(uploaded), roots) == b"tenant's own"
    for spelled in (f"{root}/uploads/../uploads/1/a.jpg", f"{root}/uploads//1/a.jpg", f"/{uploaded}"):
        assert code_of(bytes_of, spelled, roots) is FailureCode.FORBIDDEN
    assert bytes_of(str(uploaded), Roots((root / "library",), root / "uploads")) == b"tenant's own"


def test_a_link_that_comes_in_the_way_of_a_stored_path_leads_to_no_upload(root: Path, uploaded: Path) -> None:
    roots = Roots((root,), root / "uploads")
    stored = root / "library" / "b.jpg"
    stored.write_bytes(b"mine")
    assert bytes_of(str(stored), roots) == b"mine"
    stored.unlink()
    stored.symlink_to(uploaded)
    assert code_of(bytes_of, str(stored), roots) is FailureCode.FORBIDDEN
    uploaded.unlink()
    (root / "secret.jpg").write_bytes(b"secret")
    uploaded.symlink_to(root / "secret.jpg")
    assert code_of(bytes_of, str(uploaded), roots) is FailureCode.FORBIDDEN
