"""Read the arrays of a network out of a file that Keras saved, and nothing else.

A saved model describes its layers, and a description can name code. None is read here: HDF5 groups and numbers are
all that is looked at, without Keras and without pickles. Layers are found by their names, so that a file in which
they stand in another order still gives the same network.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import h5py  # type: ignore[import-untyped]
import numpy as np

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.architectures import Architecture, Layer
from imagesearch_extractor.weights import CHOICES, Array

HASHED_BYTES = 1 << 20
SUFFIXES = (".h5", ".hdf5", ".keras")
_ARCHIVED = "model.weights.h5"
"""What an archive of Keras calls its numbers."""


class _UnreadableError(Exception):
    """The file does not hold what is looked for; the message says why."""


class DigestDiffers(_UnreadableError):
    """The file is another than the one that is wanted."""


@dataclass(frozen=True, slots=True)
class _Saved:
    """Hold a layer as a file has it: its name, where the file tells it, and its arrays, still in the file."""

    name: str | None
    arrays: Sequence[Any]


def read_arrays(architecture: Architecture, path: Path, sha256: str = "") -> list[Array]:
    """Return the arrays of a network in the order of its architecture; layers that it has not are left out.

    Where no layer is called as the architecture calls it, those of a kind that can be meant are taken in the order
    of the file.

    Args:
        architecture: whose arrays are looked for.
        path: of an HDF5 file or an archive that Keras saved.
        sha256: what the file's digest has to be, 64 hex digits; empty looks at none.

    Raises:
        WeightsUnavailable: it cannot be used; the message is one line.
    """
    try:
        with path.open("rb") as file:
            # What was judged is read: another file of the same name may come in between.
            checked_digest(file, sha256)
            with _opened(file, path.suffix) as content:
                return [_numbers(array) for array in _found(architecture, list(_layers(content)))]
    except (_UnreadableError, OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        # h5py raises the four in the middle for damage inside a file, wherever it comes to it.
        reason = str(error) if isinstance(error, _UnreadableError) else f"it is damaged: {_first_line(error)}"
        raise WeightsUnavailable(
            f"WEIGHTS={path} cannot be read as {architecture.title}'s weights ({reason}); {CHOICES}"
        ) from error


def named_file(setting: str, choices: str) -> Path:
    """Return the path that a setting names.

    Raises:
        WeightsUnavailable: there is no file; the message is one line and ends with what else to set.
    """
    path = Path(setting).expanduser()
    if not path.is_file():
        kind = "is a directory" if path.is_dir() else "there is no such file"
        raise WeightsUnavailable(f"WEIGHTS={setting}: {kind}; {choices}")
    return path


def checked_digest(file: BinaryIO, wanted: str) -> str:
    """Return the digest of a file that is read from its beginning then.

    Raises:
        DigestDiffers: it is another than wanted; an empty one is any.
    """
    digest = hashlib.sha256()
    while block := file.read(HASHED_BYTES):
        digest.update(block)
    found = digest.hexdigest()
    file.seek(0)
    if wanted and found != wanted.lower():
        raise DigestDiffers(f"its sha256 is {found}, and WEIGHTS_SHA256 says {wanted.lower()}")
    return found


def _opened(file: BinaryIO, suffix: str) -> h5py.File:
    if suffix == ".keras":
        if not zipfile.is_zipfile(file):
            raise _UnreadableError("it is no archive of Keras, or only a part of one")
        archive = zipfile.ZipFile(file)
        if _ARCHIVED not in archive.namelist():
            raise _UnreadableError(f"the archive holds no {_ARCHIVED}")
        if archive.getinfo(_ARCHIVED).compress_type != zipfile.ZIP_STORED:
            # Keras compresses nothing, and a small file must not become a large one.
            raise _UnreadableError("the archive is compressed")
        file = cast("BinaryIO", archive.open(_ARCHIVED))
    try:
        return h5py.File(file, "r")
    except OSError as error:
        raise _UnreadableError(_why_not_hdf5(error)) from error


def _why_not_hdf5(error: OSError) -> str:
    said = _first_line(error)
    if "signature" in said:
        return "it is no HDF5 file"
    return f"the file is cut off ({said})" if "truncated" in said else f"it is damaged: {said}"


def _layers(file: h5py.File) -> Iterator[_Saved]:
    """Yield the layers of a file in its order, whichever of Keras' two layouts it has."""
    root = file
    if "layer_names" not in file.attrs and "model_weights" in file:
        root = _group(file, "model_weights")
    if any(name.startswith("layer_names") for name in root.attrs):
        for name in _names(root, "layer_names"):
            group = _group(root, name)
            yield _Saved(name, [_dataset(group, each) for each in _names(group, "weight_names")])
    else:
        yield from _nested(file)


def _nested(group: h5py.Group) -> Iterator[_Saved]:
    """Yield layers of the layout of ``.weights.h5``: numbered by their kind, with their names in an attribute."""
    for key in sorted(group, key=_naturally):
        if not isinstance(group.get(key, getlink=True), h5py.HardLink) or not isinstance(group[key], h5py.Group):
            continue
        inner = group[key]
        if key == "vars":
            name = inner.attrs.get("name")
            numbers = sorted(inner, key=_naturally)
            yield _Saved(_text(name) if name is not None else None, [_dataset(inner, each) for each in numbers])
        else:
            yield from _nested(inner)


def _naturally(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """Return the texts of an attribute, which Keras cuts into numbered parts where it is long."""
    if attribute in group.attrs:
        return [_text(each) for each in group.attrs[attribute]]
    parts: list[str] = []
    while f"{attribute}{len(parts)}" in group.attrs and len(parts) < len(group.attrs):
        parts.append(f"{attribute}{len(parts)}")
    return [_text(each) for part in parts for each in group.attrs[part]]


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _group(group: h5py.Group, name: str) -> h5py.Group:
    found = _member(group, name)
    if not isinstance(found, h5py.Group):
        raise _UnreadableError(f"{name!r} is no group")
    return found


def _dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    found = _member(group, name)
    # Links and these two kinds take the numbers from other files.
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise _UnreadableError(f"{name!r} holds no numbers of its own")
    return found


def _member(group: h5py.Group, name: str) -> Any:
    for part in filter(None, name.split("/")):
        if part not in group or not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise _UnreadableError(f"{name!r} is missing")
        group = group[part]
    return group


def _found(architecture: Architecture, saved: Sequence[_Saved]) -> Iterator[h5py.Dataset]:
    """Yield the arrays that are meant, after a look at the shape of each."""
    by_name = {layer.name: layer for layer in saved if layer.name is not None}
    known = [layer.name for layer in architecture.layers if layer.name in by_name]
    if not known:
        candidates = [layer for layer in saved if _can_be_meant(layer, architecture)]
        if len(candidates) != len(architecture.layers):
            raise _UnreadableError(f"{len(candidates)} layers instead of {len(architecture.layers)}")
        by_name = {layer.name: each for layer, each in zip(architecture.layers, candidates, strict=True)}
    for layer in architecture.layers:
        if layer.name not in by_name:
            raise _UnreadableError(f"the layer {layer.name} is missing")
        yield from _checked(layer, by_name[layer.name])


def _can_be_meant(saved: _Saved, architecture: Architecture) -> bool:
    ranks = [array.ndim for array in saved.arrays]
    return any(ranks == [len(shape) for shape in layer.shapes] for layer in architecture.layers)


def _checked(layer: Layer, saved: _Saved) -> Sequence[h5py.Dataset]:
    shapes = [tuple(array.shape) for array in saved.arrays]
    if shapes != layer.shapes:
        raise _UnreadableError(f"the layer {layer.name} has arrays of {shapes} instead of {layer.shapes}")
    if not all(np.issubdtype(array.dtype, np.floating) for array in saved.arrays):
        raise _UnreadableError(f"the layer {layer.name} holds other things than numbers")
    return saved.arrays


def _numbers(array: h5py.Dataset) -> Array:
    return np.asarray(array[()], dtype=np.float32)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
