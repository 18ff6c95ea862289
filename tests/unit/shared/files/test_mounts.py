"""Parts of the uploads that are mounted a second time are found, as Linux lists mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagesearch.errors import PictureRejected, SourceRejected
from imagesearch.files import roots as roots_module
from imagesearch.files.beneath import Identity, identity_of
from imagesearch.files.mounts import mounted_parts
from imagesearch.files.paths import open_file, resolve_directory
from imagesearch.files.roots import Roots


def line(device: str, root: str, point: Path) -> str:
    shown = str(point).replace(" ", "\\040")
    return f"36 35 {device} {root} {shown} rw,noatime master:1 - ext4 /dev/sda1 rw\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path.resolve()
    for name in ("uploads", "a part", "whole", "beside", "elsewhere", "covered"):
        (made / name).mkdir()
    return made


def table(root: Path, *lines: str) -> Path:
    path = root / "mountinfo"
    path.write_text(line("8:1", "/", Path("/")) + line("8:2", "/volumes/up", root / "uploads") + "".join(lines))
    return path


def identity(path: Path) -> Identity:
    found = identity_of(path)
    assert found is not None
    return found


def test_what_is_mounted_of_a_directory_is_found_by_where_it_lies_on_its_device(root: Path) -> None:
    mounts = table(
        root,
        line("8:2", "/volumes/up/7/none", root / "a part"),
        line("8:2", "/volumes/up", root / "whole"),  # the same identity as the uploads themselves
        line("8:2", "/volumes/upper", root / "beside"),
        line("8:3", "/volumes/up/7", root / "elsewhere"),
        line("8:2", "/volumes/up/7", root / "covered"),
        line("8:9", "/", root / "covered"),
        line("8:2", "/volumes/up/8", root / "gone"),
    )
    assert mounted_parts(root / "uploads", mounts) == {identity(root / "a part")}


def test_a_directory_below_a_mount_lies_there_on_its_device(root: Path) -> None:
    mounts = table(root, line("8:2", "/volumes/up/inner/1", root / "a part"))
    assert mounted_parts(root / "uploads" / "inner", mounts) == {identity(root / "a part")}
    assert mounted_parts(root / "uploads" / "other", mounts) == frozenset()


def test_where_no_mounts_are_listed_none_are_found(root: Path) -> None:
    assert mounted_parts(root / "uploads", root / "nothing") == frozenset()


def test_a_part_of_the_uploads_that_is_mounted_is_no_source(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a part", "beside"):
        (root / name / "deep").mkdir()
        (root / name / "deep" / "1.jpg").write_bytes(b"tenant's own")
    single = root / "single.jpg"
    single.write_bytes(b"tenant's own")
    mounts = table(
        root,
        line("8:2", "/volumes/up/7/none", root / "a part"),
        line("8:2", "/volumes/up/7/none/ab/cd/1.jpg", single),
    )
    monkeypatch.setattr(roots_module, "mounted_parts", lambda uploads: mounted_parts(uploads, mounts))
    roots = Roots((root,), root / "uploads")
    for file in (root / "a part" / "deep" / "1.jpg", single):
        with pytest.raises(PictureRejected, match="outside the allowed roots"):
            open_file(str(file), roots)
    for directory in (root / "a part", root / "a part" / "deep"):
        with pytest.raises(SourceRejected):
            resolve_directory(str(directory), roots)
    open_file(f"{root}/beside/deep/1.jpg", roots).close()
