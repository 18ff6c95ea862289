"""Keep quantised weights in an HDF5 file. Reading happens in a process of its own, which has limits."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.confined import CPU_SECONDS, EX_DATAERR, MEMORY_BYTES, confine, run_confined
from imagesearch_extractor.cpu import multiplies_in_int8
from imagesearch_extractor.quantised.weights import (
    ARCHITECTURE,
    NAMES,
    SPEC,
    Origin,
    QuantisedWeights,
    checked_layers,
)
from imagesearch_extractor.settings import QUANTISED_SUFFIX
from imagesearch_extractor.weight_files import DigestDiffers, checked_digest, named_file

FORMAT = "imagesearch quantised weights 1"
CHOICES = f"NETWORK={SPEC.name} takes a {QUANTISED_SUFFIX} file that `make quantise` wrote"


def write_quantised(path: Path, weights: QuantisedWeights) -> None:
    """Write a file that `load_quantised` reads; one that is there is replaced as a whole."""
    partial = path.with_name(f".{path.name}.part")
    with h5py.File(partial, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["network"] = SPEC.name
        file.attrs["origin"] = json.dumps(asdict(weights.origin))
        for layer, held in zip(ARCHITECTURE.layers, weights.layers, strict=True):
            for name, array in zip(NAMES, held.arrays, strict=True):
                file[f"{layer.name}/{name}"] = array
    partial.replace(path)


def load_quantised(setting: str, *, sha256: str = "") -> QuantisedWeights:
    """Load the quantised weights that lie in a file.

    Args:
        setting: its path.
        sha256: what its digest has to be, 64 hex digits; empty looks at none.

    Raises:
        WeightsUnavailable: they cannot be used, on this CPU or at all; the message is one line.
    """
    path = named_file(setting, CHOICES)
    if not multiplies_in_int8():
        raise WeightsUnavailable(
            f"WEIGHTS={setting}: this CPU has no VNNI, without which sums of 8-bit products overflow; use the "
            "weights that these were made of"
        )
    with tempfile.TemporaryFile() as made:
        origin = run_confined(
            __name__, path, (sha256, str(made.fileno())), cpu_seconds=CPU_SECONDS, inherited=[made.fileno()]
        )
        made.seek(0)
        with np.load(made, allow_pickle=False) as arrays:
            read = [arrays[f"arr_{index}"] for index in range(len(arrays.files))]
    return QuantisedWeights(checked_layers(setting, read), _origin(setting, origin), setting)


def main(path: str, cpu_seconds: str, sha256: str, descriptor: str) -> int:
    """Read a file within limits, write its arrays as NumPy does and print its origin, or say why it cannot be.

    Args:
        path: of the file.
        cpu_seconds: after which this process is ended.
        sha256: what its digest has to be; empty looks at none.
        descriptor: of the file that is written.
    """
    confine(int(cpu_seconds), MEMORY_BYTES)
    try:
        with Path(path).open("rb") as file, os.fdopen(int(descriptor), "wb") as made:
            # What was judged is read: another file of the same name may come in between.
            checked_digest(file, sha256)
            origin, arrays = _read(file)
            np.savez(made, *arrays)
    except (DigestDiffers, OSError, KeyError, ValueError, RuntimeError) as error:
        # h5py raises the last four for damage inside a file, wherever it comes to it.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        sys.stdout.write(f"WEIGHTS={path} cannot be read as quantised weights ({reason}); {CHOICES}")
        return EX_DATAERR
    sys.stdout.write(origin)
    return 0


def _read(file: Any) -> tuple[str, Sequence[npt.NDArray[np.generic]]]:
    with h5py.File(file, "r") as content:
        if content.attrs.get("format") != FORMAT or content.attrs.get("network") != SPEC.name:
            raise ValueError("it does not say that it is one")
        names = [f"{layer.name}/{name}" for layer in ARCHITECTURE.layers for name in NAMES]
        return str(content.attrs["origin"]), [_array(content, name) for name in names]


def _array(content: Any, name: str) -> npt.NDArray[np.generic]:
    """Read an array whose numbers lie in the file itself."""
    held = content.get(name)
    if not isinstance(held, h5py.Dataset) or held.external or held.is_virtual:
        raise ValueError(f"{name} is no array of its own")
    read: npt.NDArray[np.generic] = held[()]
    return read


def _origin(setting: str, text: str) -> Origin:
    try:
        facts = json.loads(text)
        made = Origin(**{field.name: facts[field.name] for field in fields(Origin)})
        return Origin(
            **{**asdict(made), "cosine_mean": float(made.cosine_mean), "cosine_least": float(made.cosine_least)}
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsUnavailable(f"WEIGHTS={setting} does not say where it comes from; {CHOICES}") from error


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
