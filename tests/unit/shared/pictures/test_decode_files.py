"""Real photos give the published pixels; files that break readers give a picture or a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagesearch.errors import PictureRejected
from imagesearch.failures import FailureCode
from imagesearch.pictures.borders import trim_black_borders
from imagesearch.pictures.decode import Picture, decode
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings

# Pillow warns about damaged notes and repairs; here they are expected.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

MATERIAL = Path(__file__).resolve().parents[4].parent / "shared"
HARD = sorted(path for path in (MATERIAL / "hard-images").rglob("*") if path.is_file())
PHOTOS = sorted((MATERIAL / "photos").rglob("*.jpg"))[::6]

needs_hard_images = pytest.mark.skipif(not HARD, reason="the collection of hard pictures is not here")
needs_photos = pytest.mark.skipif(not PHOTOS, reason="the photos are not here")


def outcome(path: Path) -> Picture | FailureCode:
    try:
        return decode(path.read_bytes(), Preprocessing(), PictureSettings())
    except PictureRejected as rejected:
        return rejected.code


def picture(name: str) -> Picture:
    made = outcome(MATERIAL / "hard-images" / name)
    assert isinstance(made, Picture)
    return made


@needs_hard_images
@pytest.mark.parametrize("path", HARD, ids=lambda path: path.name)
def test_every_hard_file_gives_a_picture_or_a_code(path: Path) -> None:
    made = outcome(path)
    assert isinstance(made, FailureCode) or made.pixels.shape == (224, 224, 3)


@needs_hard_images
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("made/bomb_20000x20000.png", FailureCode.TOO_LARGE),
        ("made/text_named.jpg", FailureCode.UNSUPPORTED_FORMAT),
        ("made/truncated_half.jpg", FailureCode.TRUNCATED),
        ("made/zero.jpg", FailureCode.EMPTY),
        ("over80MP_header/max_size.jpg", FailureCode.TOO_LARGE),
        ("over80MP_header/Bad_width.bmp", FailureCode.TOO_LARGE),
        ("16bit_or_I/issue_6194.j2k", FailureCode.UNSUPPORTED_FORMAT),
        ("unidentified_by_PIL/p_8.tga", FailureCode.UNSUPPORTED_FORMAT),
        ("bad_exif/truncated_image.png", FailureCode.TRUNCATED),
        ("bad_exif/xdtn0g01.png", FailureCode.UNREADABLE),
        ("tinyle2px/grayscale_large.jpg", FailureCode.TOO_SMALL),
    ],
)
def test_hard_files_are_refused_for_the_right_reason(name: str, code: FailureCode) -> None:
    assert outcome(MATERIAL / "hard-images" / name) is code


@needs_hard_images
def test_names_do_not_decide() -> None:
    assert picture("made/UPPER.JPG").format == "JPEG"
    assert picture("made/jpeg_named.png").format == "JPEG"
    assert picture("made/name with spaces & ünïcode 图片.jpg").format == "JPEG"


@needs_hard_images
def test_letterboxed_and_black_pictures() -> None:
    letterboxed = picture("made/letterboxed.jpg")
    assert (letterboxed.width, letterboxed.height) == (300, 307)
    difference = letterboxed.pixels.astype(int) - picture("made/UPPER.JPG").pixels
    assert np.abs(difference).mean() < 12
    assert picture("made/all_black.png").pixels.max() == 0


@needs_hard_images
@pytest.mark.parametrize("group", ["exif_rotated/hopper*", "exif_rotated/g4_orientation_*"])
def test_all_orientations_of_one_picture_look_the_same(group: str) -> None:
    first, *others = (picture(str(path)) for path in sorted((MATERIAL / "hard-images").glob(group)))
    assert others
    for other in others:
        assert np.abs(first.pixels.astype(int) - other.pixels).mean() < 6


@needs_photos
@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_photos_give_the_published_pixels(path: Path) -> None:
    """Keras' ``load_img`` opens, converts to RGB and resizes with NEAREST; borders are all that we add."""
    with Image.open(path) as opened:
        rgb = opened.convert("RGB")
    made = decode(path.read_bytes(), Preprocessing(trim_borders=False), PictureSettings())
    assert np.array_equal(made.pixels, np.asarray(rgb.resize((224, 224), Image.Resampling.NEAREST)))
    trimmed = Image.fromarray(trim_black_borders(np.asarray(rgb), Preprocessing().border_tolerance))
    made = decode(path.read_bytes(), Preprocessing(), PictureSettings())
    assert np.array_equal(made.pixels, np.asarray(trimmed.resize((224, 224), Image.Resampling.NEAREST)))
