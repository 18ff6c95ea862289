"""Pictures of a benchmark are the same in each run, and as many as are wanted."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.pictures import Pictures, lay, renewed
from support.drawing import encoded, photo_like


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(3):
        (tmp_path / f"class{seed}").mkdir()
        (tmp_path / f"class{seed}" / "photo.jpg").write_bytes(encoded(photo_like(seed, (160, 120))))
    (tmp_path / "notes.txt").touch()
    return tmp_path


def test_photos_come_first_and_crops_make_up_for_those_that_are_lacking(folder: Path) -> None:
    pictures = Pictures(folder)
    given = pictures.photos(5)
    assert (pictures.number, len(set(given))) == (3, 5)
    assert given[:3] == [path.read_bytes() for path in sorted(folder.glob("*/photo.jpg"))]
    assert given == Pictures(folder).photos(5)
    assert len(pictures.photos(2)) == 2
    for crop in given[3:]:
        with Image.open(io.BytesIO(crop)) as made:
            assert 80 <= made.width <= 160
            assert 60 <= made.height <= 120


def test_a_file_that_nobody_has_seen_is_another_one_each_time(folder: Path) -> None:
    pictures = Pictures(folder)
    assert len({pictures.unseen() for _ in range(200)}) == 200


def test_a_renewed_file_shows_the_same_picture() -> None:
    picture = encoded(photo_like(1, (64, 48)))
    other = renewed(picture, 7)
    assert other != picture
    shown, again = (np.asarray(Image.open(io.BytesIO(data))) for data in (picture, other))
    assert np.array_equal(shown, again)


def test_pictures_are_laid_into_a_folder_in_their_order(tmp_path: Path) -> None:
    folder = lay(tmp_path / "made", [b"first", b"second"])
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == [b"first", b"second"]
