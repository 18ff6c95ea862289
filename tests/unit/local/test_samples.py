from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagesearch_local.samples import draw_samples
from imagesearch_local.samples.drawing import FAMILIES, PER_FAMILY


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_samples(tmp_path_factory.mktemp("first") / "samples")


def digests(paths: list[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_about_two_hundred_different_pictures_in_families(drawn: list[Path]) -> None:
    assert len(drawn) == len(FAMILIES) * PER_FAMILY
    assert 180 <= len(drawn) <= 240
    assert len(set(digests(drawn).values())) == len(drawn)
    assert {path.name.rpartition("_")[0] for path in drawn} >= {"harbour-at-dusk", "koi-pond", "stained-glass"}


def test_the_same_name_shows_the_same_picture_everywhere(drawn: list[Path], tmp_path: Path) -> None:
    again = draw_samples(tmp_path / "samples")
    assert digests(again) == digests(drawn)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "samples"]


def test_pictures_that_are_there_are_left_alone_and_missing_ones_are_drawn(
    drawn: list[Path], tmp_path: Path
) -> None:
    directory = shutil.copytree(drawn[0].parent, tmp_path / "samples")
    first = [directory / path.name for path in drawn]
    before = {path: path.stat().st_mtime_ns for path in first}
    first[3].unlink()
    assert draw_samples(directory) == first
    assert {path for path in first if path.stat().st_mtime_ns != before[path]} == {first[3]}


def test_all_of_them_decode_in_several_formats_and_sizes(drawn: list[Path]) -> None:
    formats, sizes = set(), set()
    for path in drawn:
        with Image.open(path) as picture:
            picture.load()
            formats.add(picture.format)
            sizes.add(picture.size)
            assert picture.mode == "RGB"
    assert formats == {"JPEG", "PNG", "WEBP"}
    assert len(sizes) >= 3


def test_pictures_of_a_family_look_more_alike_than_others(drawn: list[Path]) -> None:
    """By the plainest measure there is, small copies compared colour by colour, most have their kin nearest."""
    small = np.stack(
        [np.asarray(Image.open(path).convert("RGB").resize((12, 9)), dtype=np.float32).ravel() for path in drawn]
    )
    family = [path.name.rpartition("_")[0] for path in drawn]
    kin = 0
    for index, row in enumerate(small):
        distance = ((small - row) ** 2).sum(axis=1)
        distance[index] = np.inf
        kin += family[int(distance.argmin())] == family[index]
    assert kin / len(drawn) > 0.85
