"""Files below a folder are found one by one; what cannot be read is told, and no link leads anywhere by itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagesearch_client.folder_upload import LocalFile, Loss, Walk
from imagesearch_client.folder_upload import walk as walking


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def names(walk: Walk) -> list[str]:
    return sorted(step.name if isinstance(step, LocalFile) else f"{step.code} {step.path}" for step in walk)


def test_every_visible_file_is_found_by_its_path_below_the_folder(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", "b/c.txt", "b/d/no-ending", ".hidden/e.jpg", "b/.f.jpg", "Thumbs.db", "@eaDir/g.jpg")
    walk = Walk([str(tmp_path)])
    assert names(walk) == ["a.jpg", "b/c.txt", "b/d/no-ending"]
    assert (walk.found, walk.is_done) == (3, True)


def test_a_file_that_is_named_keeps_its_name(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", ".b.jpg")
    named = [str(tmp_path / "a.jpg"), str(tmp_path / ".b.jpg")]
    assert [step.path for step in Walk(named)] == named
    assert names(Walk(named)) == sorted(named)


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.jpg"], [], ["a.JPG", "raw/b.jpg"]),
        (["*.jpg"], ["raw/*"], ["a.JPG"]),
        ([], ["*.xmp", "raw/*"], ["a.JPG"]),
    ],
)
def test_patterns_choose(tmp_path: Path, include: list[str], exclude: list[str], expected: list[str]) -> None:
    write(tmp_path, "a.JPG", "a.xmp", "raw/b.jpg")
    walk = Walk([str(tmp_path)], include=include, exclude=exclude)
    assert names(walk) == expected
    assert walk.others == 3 - len(expected)


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A folder with links to a file, to a folder, to itself and to nothing."""
    write(tmp_path, "top/a.jpg", "top/b/c.jpg", "secret/key.pem")
    for name, target in (("file", "secret/key.pem"), ("folder", "secret"), ("b/up", "top"), ("broken", "none")):
        (tmp_path / "top" / name).symlink_to(tmp_path / target)
    return tmp_path / "top"


def test_links_are_left_out_and_counted(linked: Path) -> None:
    walk = Walk([str(linked)])
    assert names(walk) == ["a.jpg", "b/c.jpg"]
    assert walk.links == 4


def test_links_that_are_followed_end_where_they_began(linked: Path) -> None:
    found = names(Walk([str(linked)], follow_links=True))
    assert found == ["a.jpg", "b/c.jpg", "file", "folder/key.pem", f"vanished {linked}/broken"]


def test_a_link_that_is_named_is_entered(linked: Path) -> None:
    assert names(Walk([str(linked / "folder")])) == ["key.pem"]


def test_what_is_no_regular_file_is_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    walk = Walk([str(tmp_path)])
    assert (names(walk), walk.others) == ([], 1)


def test_a_folder_that_cannot_be_read_is_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a/b.jpg", "c.jpg")
    listing = os.scandir

    def refusing(folder: str) -> object:
        if folder.endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return listing(folder)

    monkeypatch.setattr(walking.os, "scandir", refusing)
    assert names(Walk([str(tmp_path)])) == ["c.jpg", f"forbidden {tmp_path}/a"]


def test_a_folder_that_is_too_deep_is_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MAX_DEPTH", 2)
    write(tmp_path, "a/b.jpg", "a/c/d.jpg")
    assert names(Walk([str(tmp_path)])) == ["a/b.jpg", f"too_deep {tmp_path}/a/c"]


def test_no_more_is_listed_than_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of a million files is no list in memory."""
    write(tmp_path, *(f"{number}.jpg" for number in range(50)))
    given: list[str] = []
    listing = os.scandir

    class Counting:
        def __init__(self, folder: str) -> None:
            self.entries = listing(folder)

        def __enter__(self) -> Counting:
            return self

        def __exit__(self, *_: object) -> None:
            self.entries.close()

        def __iter__(self) -> Counting:
            return self

        def __next__(self) -> os.DirEntry[str]:
            entry = next(self.entries)
            given.append(entry.name)
            return entry

    monkeypatch.setattr(walking.os, "scandir", Counting)
    steps = iter(Walk([str(tmp_path)]))
    assert not isinstance(next(steps), Loss)
    assert not isinstance(next(steps), Loss)
    assert len(given) == 2
