"""Two spellings of one file are one path, and nothing is looked up where a directory takes one alone."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagesearch.files import paths, spelling
from imagesearch.files.paths import canonical, resolve_directory, resolve_file
from imagesearch.files.roots import Roots
from imagesearch.files.spelling import KNOWN_SECONDS, MAX_NAMES, Spelling


class Folding:
    """Stand in for directories that take other spellings: those are hard links, or links to a directory, which a
    listing does not name."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.listed: list[str] = []
        self.now = 0.0
        self.spelling = Spelling(self.names, clock=lambda: self.now)

    def names(self, folder: str) -> Iterator[tuple[str, int]]:
        self.listed.append(folder)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in self.held:
                    yield entry.name, entry.inode()

    def write(self, path: Path, *spellings: str) -> None:
        path.write_bytes(b"picture")
        self.held.add(path.name)
        for other in spellings:
            os.link(path, path.with_name(other))

    def of(self, path: Path, below: Path) -> str:
        return str(self.spelling.of(path, below).relative_to(below))


@pytest.fixture
def folding() -> Folding:
    return Folding()


def test_another_spelling_is_the_name_that_the_directory_has(folding: Folding, tmp_path: Path) -> None:
    folding.write(tmp_path / "Holiday.JPG", "holiday.jpg", "hOLIDAY.jpg", "HOLIDAY.JPG")
    for asked in ("Holiday.JPG", "holiday.jpg", "HOLIDAY.JPG"):
        assert folding.of(tmp_path / asked, tmp_path) == "Holiday.JPG"
    assert len(folding.listed) == 1


def test_a_short_name_is_the_long_one(folding: Folding, tmp_path: Path) -> None:
    folding.write(tmp_path / "long name.jpeg", "LONGNA~1.JPE", "longna~1.jpe")
    assert folding.of(tmp_path / "LONGNA~1.JPE", tmp_path) == "long name.jpeg"


def test_an_accent_may_stand_within_or_behind_its_letter(folding: Folding, tmp_path: Path) -> None:
    within, behind = (unicodedata.normalize(form, "\N{HIRAGANA LETTER GA}") for form in ("NFC", "NFD"))
    folding.write(tmp_path / behind, within)
    assert folding.of(tmp_path / within, tmp_path) == behind


def test_hard_links_stay_files_of_their_own(folding: Folding, tmp_path: Path) -> None:
    folding.write(tmp_path / "a.jpg", "A.JPG", "b.jpg", "B.JPG")
    folding.held.add("b.jpg")
    assert [folding.of(tmp_path / name, tmp_path) for name in ("A.JPG", "B.JPG", "b.jpg")] == [
        "a.jpg",
        "b.jpg",
        "b.jpg",
    ]


def test_directories_that_take_one_spelling_are_listed_never(folding: Folding, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    folding.write(tmp_path / "x" / "a.jpg")
    (tmp_path / "x" / "A.JPG").write_bytes(b"another")
    for name in ("a.jpg", "A.JPG", "gone.jpg", "1"):
        assert folding.of(tmp_path / "x" / name, tmp_path) == f"x/{name}"
    assert folding.listed == []


def test_a_name_that_is_not_there_says_nothing_of_the_others(folding: Folding, tmp_path: Path) -> None:
    folding.write(tmp_path / "a.jpg", "A.JPG")
    assert folding.of(tmp_path / "gone.jpg", tmp_path) == "gone.jpg"
    assert folding.of(tmp_path / "A.JPG", tmp_path) == "a.jpg"


def test_what_is_known_of_a_directory_holds_for_a_moment(folding: Folding, tmp_path: Path) -> None:
    folding.write(tmp_path / "a.jpg", "A.JPG")
    assert folding.of(tmp_path / "A.JPG", tmp_path) == "a.jpg"
    folding.write(tmp_path / "b.jpg", "B.JPG")
    assert folding.of(tmp_path / "B.JPG", tmp_path) == "B.JPG"
    folding.now = KNOWN_SECONDS
    assert folding.of(tmp_path / "B.JPG", tmp_path) == "b.jpg"
    assert len(folding.listed) == 2


def test_a_directory_that_is_slow_to_list_is_believed_for_longer(folding: Folding, tmp_path: Path) -> None:
    folding.write(tmp_path / "a.jpg", "A.JPG")

    def slow(folder: str) -> Iterator[tuple[str, int]]:
        folding.now += 3
        return folding.names(folder)

    folding.spelling = Spelling(slow, clock=lambda: folding.now)
    for _ in range(2):
        assert folding.of(tmp_path / "A.JPG", tmp_path) == "a.jpg"
        folding.now += 50
    assert len(folding.listed) == 1


@pytest.mark.parametrize("number", [MAX_NAMES, None])
def test_in_what_is_too_large_or_cannot_be_listed_a_spelling_stays(tmp_path: Path, number: int | None) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    os.link(tmp_path / "a.jpg", tmp_path / "A.JPG")

    def listed(_: str) -> Iterator[tuple[str, int]]:
        if number is None:
            raise PermissionError
        yield "a.jpg", 1
        yield from ((str(at), at) for at in range(number))

    assert Spelling(listed).of(tmp_path / "A.JPG", tmp_path) == tmp_path / "A.JPG"


@pytest.mark.parametrize(
    "resolved",
    [
        lambda path, root: resolve_file(path, Roots((root,))),
        lambda path, root: resolve_directory(str(Path(path).parent), Roots((root,))) / "a.jpg",
        lambda path, _: Path(canonical(path)),
    ],
    ids=["resolve_file", "resolve_directory", "canonical"],
)
def test_every_way_from_a_name_to_its_one_form_spells_it(
    resolved: Callable[[str, Path], Path], folding: Folding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path.resolve()
    (root / "album").mkdir()
    folding.write(root / "album" / "a.jpg", "A.JPG")
    folding.held.add("album")
    monkeypatch.setattr(paths, "SPELLING", folding.spelling)
    real = spelling._identity
    # No hard link leads to a directory; a file system that folds has one under both names.
    monkeypatch.setattr(spelling, "_identity", lambda folder, name: real(folder, name.replace("ALBUM", "album")))
    (root / "ALBUM").symlink_to("album")
    monkeypatch.setattr(os.path, "realpath", os.path.abspath)
    assert resolved(f"{root}/ALBUM/A.JPG", root) == root / "album" / "a.jpg"
