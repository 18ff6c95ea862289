"""What is said of a network in a file is checked field by field, and is part of the network's identity."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagesearch.errors import WeightsUnavailable
from imagesearch.networks import NetworkSpec
from imagesearch_extractor.descriptions import KERAS, MAX_DESCRIPTION_BYTES, Description, read_description

SMALLEST = 'name = "dino"\nside = 224\ndimension = 384\n'


def described(more: str = "", folder: Path | None = None) -> Description:
    assert folder is not None
    (folder / "dino.toml").write_text(SMALLEST + more)
    return read_description(folder / "dino.onnx")


def test_the_least_that_is_said_is_name_side_and_dimension(tmp_path: Path) -> None:
    found = described(folder=tmp_path)
    assert found.spec == NetworkSpec("dino", 384, 224, "none", has_one_side=True)
    assert found.arithmetic == ("rgb", (0, 0, 0), (1, 1, 1))


@pytest.mark.parametrize("mode", KERAS)
def test_preprocessing_of_keras_is_named(mode: str, tmp_path: Path) -> None:
    assert described(f'preprocessing = "{mode}"', tmp_path).arithmetic == KERAS[mode]


def test_one_number_is_for_all_channels(tmp_path: Path) -> None:
    found = described("mean = 127.5\ndeviation = [1, 2.5, 3]\n", tmp_path)
    assert found.arithmetic == ("rgb", (127.5, 127.5, 127.5), (1.0, 2.5, 3.0))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('colour = "rgb"', "colour"),
        ('channels = "grb"', "channels"),
        ("mean = [1, 2]", "mean: one number or three"),
        ("deviation = 0", "deviation"),
        ("deviation = [1, 1, inf]", "deviation"),
        ("mean = nan", "mean"),
        ('layout = "NCHW"', "layout"),
        ('pooling = "median"', "pooling"),
        ('preprocessing = "tf"\nmean = 1', "leave these out"),
        ('preprocessing = "vgg"', "preprocessing"),
        ("output = 3", "output"),
        ("side = 224", "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(more: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match=words) as caught:
        described(more, tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "dino.toml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"dino"', '"Dino"', "name"),
        ('"dino"', '"vgg16"', "by themselves"),
        ('"dino"', '"a.b"', "name"),
        ("224", "225", "side"),
        ("224", "4480", "side"),
        ("224", '"224"', "side"),
        ("384", "1", "dimension"),
        ("384", "40000", "dimension"),
        ("dimension = 384", "", "dimension"),
    ],
)
def test_a_network_that_cannot_be_is_refused(before: str, after: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(SMALLEST.replace(before, after))
    with pytest.raises(WeightsUnavailable, match=words):
        read_description(tmp_path / "x.keras")


def test_a_file_without_a_description_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match=r"describe them in .*dino\.toml: at least its name"):
        read_description(tmp_path / "dino.onnx")


def test_a_description_without_an_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("#" * (MAX_DESCRIPTION_BYTES + 1))
    with pytest.raises(WeightsUnavailable, match="longer than"):
        read_description(tmp_path / "x.onnx")


def test_whatever_changes_vectors_changes_the_digest(tmp_path: Path) -> None:
    texts = ["", 'channels = "bgr"', "mean = 1", "deviation = 2", 'output = "a"', 'layout = "channels_last"']
    digests = {described(text, tmp_path).digest("ab" * 32) for text in texts}
    digests.add(described("", tmp_path).digest("cd" * 32))
    assert len(digests) == len(texts) + 1
    # Said in two ways, it is the same.
    one = described('preprocessing = "tf"', tmp_path).digest("")
    assert described("mean = 127.5\ndeviation = [127.5, 127.5, 127.5]", tmp_path).digest("") == one
