"""Directories beneath the roots are listed: no files, no links, nothing that a walk passes over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagesearch.errors import SourceRejected
from imagesearch.files import subdirectories as listing
from imagesearch.files.roots import Roots
from imagesearch.files.subdirectories import subdirectories


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def test_only_directories_are_named_in_order(top: Path) -> None:
    for name in ("b", "a", ".hidden", "with <b>tags"):
        (top / name).mkdir()
    (top / "file.jpg").write_bytes(b"x")
    (top / "link").symlink_to(top / "a")
    (top / os.fsdecode(b"no utf-8 \xff")).mkdir()
    found = subdirectories(str(top), Roots((top,)))
    assert found.names == ("a", "b", "with <b>tags")
    assert found.is_complete
    assert found.path == top


def test_the_way_up_ends_at_the_root(top: Path) -> None:
    (top / "a" / "b").mkdir(parents=True)
    roots = Roots((top / "a",))
    assert subdirectories(str(top / "a" / "b"), roots).parent == top / "a"
    assert subdirectories(str(top / "a"), roots).parent is None


def test_a_root_within_a_root_leads_up_to_it(top: Path) -> None:
    (top / "a").mkdir()
    assert subdirectories(str(top / "a"), Roots((top / "a", top))).parent in (None, top)


def test_uploads_are_neither_named_nor_entered(top: Path) -> None:
    (top / "uploads").mkdir()
    (top / "other").mkdir()
    roots = Roots((top,), top / "uploads")
    assert subdirectories(str(top), roots).names == ("other",)
    with pytest.raises(SourceRejected) as refused:
        subdirectories(str(top / "uploads"), roots)
    assert refused.value.kind == "forbidden"


@pytest.mark.parametrize(("name", "kind"), [("..", "forbidden"), ("none", "missing"), ("file", "not_a_directory")])
def test_what_cannot_be_listed_says_why(top: Path, name: str, kind: str) -> None:
    (top / "a").mkdir()
    (top / "a" / "file").write_bytes(b"x")
    with pytest.raises(SourceRejected) as refused:
        subdirectories(str(top / "a" / name), Roots((top / "a",)))
    assert refused.value.kind == kind


def test_very_many_are_cut_off_and_said_to_be(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(6):
        (top / f"{index}").mkdir()
    monkeypatch.setattr(listing, "MAX_NAMES", 4)
    found = subdirectories(str(top), Roots((top,)))
    assert len(found.names) == 4
    assert not found.is_complete
    monkeypatch.setattr(listing, "MAX_NAMES", 10)
    monkeypatch.setattr(listing, "MAX_ENTRIES", 3)
    found = subdirectories(str(top), Roots((top,)))
    assert len(found.names) == 3
    assert not found.is_complete
