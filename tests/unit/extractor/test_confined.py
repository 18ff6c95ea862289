"""A file of weights is read in a process that ends, whatever the file does to libhdf5."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.architectures import ARCHITECTURES
from imagesearch_extractor.confined import read_confined

VGG16 = ARCHITECTURES["vgg16"]


def refused(path: Path, sha256: str = "") -> str:
    with pytest.raises(WeightsUnavailable) as caught:
        read_confined(VGG16, path, sha256, cpu_seconds=1)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"WEIGHTS={path} cannot be read")
    assert "set WEIGHTS to" in message
    return message


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """Hold texts of any length, which HDF5 keeps in a heap of their own."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(["block1_conv1"] * 2, dtype=h5py.string_dtype())
    return path


def test_a_file_that_libhdf5_never_ends_reading_is_given_up(names: Path) -> None:
    content = bytearray(names.read_bytes())
    # The first text claims to reach over the second, from where the heap is walked in circles.
    content[content.index(b"GCOL") + 24] = 255
    names.write_bytes(content)
    assert "damaged: after 1 s of CPU it was not read" in refused(names)


def test_a_text_that_claims_more_than_there_is_memory_is_refused(names: Path) -> None:
    # Its length, then where it lies: in which heap, and its number there.
    heap = names.read_bytes().index(b"GCOL")
    reference = struct.pack("<QI", heap, 1)
    content = names.read_bytes().replace(
        struct.pack("<I", 12) + reference, struct.pack("<I", (1 << 32) - 1) + reference
    )
    assert content != names.read_bytes()
    names.write_bytes(content)
    assert "memory" in refused(names)


def test_what_is_wrong_with_a_file_is_said_as_it_was(names: Path) -> None:
    assert "'block1_conv1' is missing" in refused(names)
    assert "WEIGHTS_SHA256 says" in refused(names, "ab" * 32)


def test_a_file_that_went_away_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "gone.h5")
