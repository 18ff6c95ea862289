"""A directory keeps whole objects, as a store does, and says when it has no room."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from uuid import uuid4

import pytest

from imagesearch.errors import StoreFull, StoreUnavailable
from imagesearch.files.exports import Exports, exports_of
from imagesearch.files.folder_objects import FolderObjects
from imagesearch.settings import ExportSettings, SourceSettings


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "made with the first", "exports")


def test_an_object_is_written_read_by_ranges_listed_and_removed(objects: FolderObjects) -> None:
    assert (objects.facts("1/a"), list(objects.listed("1/")), objects.folders()) == (None, [], set())
    objects.put("1/a", b"0123456789")
    objects.put("1/ab", b"")
    objects.put("2/b", b"b")
    assert (objects.get("1/a", 2, 3), objects.get("1/a", 8, 9)) == (b"234", b"89")
    assert [(key, facts.st_size) for key, facts in objects.listed("1/")] == [("1/a", 10), ("1/ab", 0)]
    assert [key for key, _ in objects.listed("1/ab")] == ["1/ab"]
    assert objects.folders() == {"1", "2"}
    objects.delete(["1/a", "1/never", "2/b"])
    assert objects.folders() == {"1"}
    with pytest.raises(FileNotFoundError):
        objects.get("1/a", 0, 1)


def test_an_object_is_replaced_wholly(objects: FolderObjects) -> None:
    objects.put("1/a", b"longer than the next")
    objects.put("1/a", b"next")
    assert objects.get("1/a", 0, 99) == b"next"
    assert [path.name for path in (objects.root / "1").iterdir()] == ["a"]


def test_a_full_disk_leaves_nothing_and_is_told_from_one_that_is_away(
    objects: FolderObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put("1/a", b"there")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("imagesearch.files.folder_objects.os.fsync", full)
        with pytest.raises(StoreFull, match="exports"):
            objects.put("1/b", b"b")
    assert [path.name for path in (objects.root / "1").iterdir()] == ["a"]
    (objects.root / "file").write_bytes(b"in the way of a folder")
    with pytest.raises(StoreUnavailable, match="exports") as caught:
        objects.put("file/a", b"a")
    assert not isinstance(caught.value, StoreFull)


def test_files_of_an_export_lie_in_a_folder_of_its_job(objects: FolderObjects) -> None:
    exports, job_id, other = Exports(objects), str(uuid4()), str(uuid4())
    exports.write(job_id, "part", b"0123456789")
    exports.write(job_id, "left", b"left")
    exports.write(other, "part", b"other")
    objects.put("lost+found/file", b"somebody's")
    assert exports.job_ids() == {job_id, other}
    with exports.open(job_id, "part") as file:
        file.seek(5)
        assert file.read() == b"56789"
    with pytest.raises(FileNotFoundError):
        exports.open(job_id, "none")
    assert exports.remove(job_id, but=["part"]) == 1
    assert [key for key, _ in objects.listed(f"{job_id}/")] == [f"{job_id}/part"]
    assert (exports.remove(job_id), exports.remove(job_id)) == (1, 0)
    assert exports.job_ids() == {other}


def test_exports_are_kept_where_the_settings_say() -> None:
    sources = SourceSettings()
    assert exports_of(ExportSettings(export_root=None, exports_url=""), sources) is None
    assert exports_of(ExportSettings(export_root=Path("/exports"), exports_url=""), sources) is not None
    assert exports_of(ExportSettings(export_root=None, exports_url="s3://bucket/exports"), sources) is not None


@pytest.mark.parametrize("setting", [{"export_root": "exports"}, {"exports_url": "s3://user:secret@bucket"}])
def test_a_place_that_is_none_is_refused(setting: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="EXPORT"):
        ExportSettings.model_validate(setting)
