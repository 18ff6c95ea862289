"""Copy a model that Keras saved as ``.keras``, and take nothing over but layers that are known and their numbers.

``safe_mode`` of `keras.saving.load_model` is not enough: descriptions of layers have named code to import
(CVE-2025-1550), functions of Keras that fetch files or turn the mode off (CVE-2025-8747, CVE-2025-9906) and other
models on the disk (CVE-2026-1462). So every class has to be on one of the lists below, and Keras reads an archive
that was written here.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import IO, Any, Final

import h5py  # type: ignore[import-untyped]
import numpy as np

from imagesearch_extractor.models import ModelRejected

CONFIG, METADATA, NUMBERS = "config.json", "metadata.json", "model.weights.h5"
MAX_CONFIG_BYTES = 16 << 20
MAX_DEPTH = 64
"""Of lists and maps in each other; JSON of Keras has a dozen."""

_LAYERS: Final = """
    Activation Add Attention Average AveragePooling2D BatchNormalization CenterCrop Concatenate Conv2D
    Conv2DTranspose Cropping2D Dense DepthwiseConv2D Dot Dropout ELU Flatten GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization
    Identity InputLayer LayerNormalization LeakyReLU MaxPooling2D Maximum Minimum MultiHeadAttention
    Multiply Normalization PReLU Permute RMSNormalization ReLU RepeatVector Rescaling Reshape
    SeparableConv2D Softmax SpatialDropout2D Subtract UnitNormalization UpSampling2D ZeroPadding2D
"""
_INITIALIZERS: Final = """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
    RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
"""
KNOWN: Final = {
    "keras": frozenset({"DTypePolicy", "Functional", "Model", "Sequential"}),
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.src.models.sequential": frozenset({"Sequential"}),
    "keras.layers": frozenset(_LAYERS.split()),
    "keras.initializers": frozenset(_INITIALIZERS.split()),
    "keras.regularizers": frozenset({"L1", "L1L2", "L2"}),
    "keras.constraints": frozenset({"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"}),
}
"""Classes by the module that a description names."""
VALUES: Final = frozenset({"__keras_tensor__", "__tuple__"})
"""What stands for a value, without a module."""


def copy_clean(source: IO[bytes], made: IO[bytes]) -> None:
    """Write an archive with the same layers and numbers.

    Args:
        source: an archive of Keras.
        made: where the copy goes.

    Raises:
        ModelRejected: it holds anything else, or is damaged.
    """
    try:
        with zipfile.ZipFile(source) as archive, zipfile.ZipFile(made, "w") as copy:
            _check_members(archive)
            config = _config(archive.read(CONFIG))
            numbers = io.BytesIO()
            with archive.open(NUMBERS) as file, h5py.File(file, "r") as found, h5py.File(numbers, "w") as written:
                _copy(found, written)
            copy.writestr(METADATA, archive.read(METADATA))
            copy.writestr(CONFIG, json.dumps(config))
            copy.writestr(NUMBERS, numbers.getbuffer())
    except (OSError, KeyError, ValueError, RuntimeError, RecursionError, zipfile.BadZipFile) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelRejected(f"it is no archive of Keras, or damaged: {lines[0][:300]}") from error


def _check_members(archive: zipfile.ZipFile) -> None:
    names = sorted(archive.namelist())
    if names != sorted([CONFIG, METADATA, NUMBERS]):
        raise ModelRejected(f"the archive holds {', '.join(names[:8])} in place of one each of three files")
    if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
        # Keras compresses nothing, and a small file must not become a large one.
        raise ModelRejected("the archive is compressed")
    if max(archive.getinfo(name).file_size for name in (CONFIG, METADATA)) > MAX_CONFIG_BYTES:
        raise ModelRejected(f"its description is longer than {MAX_CONFIG_BYTES} bytes")


def _config(text: bytes) -> dict[str, Any]:
    """Return the description of the model, each part of it known, without how it was trained."""
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ModelRejected("its description is none of a model")
    config["compile_config"] = None
    for part in _maps(config, 0):
        _check(part)
    return config


def _maps(value: object, depth: int) -> Iterator[dict[str, Any]]:
    if depth > MAX_DEPTH:
        raise ModelRejected("its description is nested too deep")
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _maps(inner, depth + 1)


def _check(part: dict[str, Any]) -> None:
    """Refuse a map that stands for an object of any class that is not known."""
    if not part.keys() & {"class_name", "module", "registered_name", "fn", "fn_name", "function"}:
        return
    module, name, registered = (part.get(key) for key in ("module", "class_name", "registered_name"))
    if module is None and name in VALUES and registered is None:
        return
    known = KNOWN.get(module) if isinstance(module, str) else None
    if known is None or not isinstance(name, str) or name not in known or registered not in (None, name):
        shown = ".".join(str(each)[:60] for each in (module, name) if each is not None)
        raise ModelRejected(f"{shown or 'a function'} in it is not one of the layers that are loaded")


def _copy(found: h5py.Group, written: h5py.Group) -> None:
    """Copy groups and the numbers that lie in the file itself."""
    for name in found:
        if not isinstance(found.get(name, getlink=True), h5py.HardLink):
            raise ModelRejected(f"{found.name}/{name} lies elsewhere")
        inner = found[name]
        if isinstance(inner, h5py.Group):
            _copy(inner, written.create_group(name))
            continue
        own = isinstance(inner, h5py.Dataset) and not inner.is_virtual and not inner.external and not inner.chunks
        if not own or not np.issubdtype(inner.dtype, np.number):
            raise ModelRejected(f"{inner.name} holds no numbers of its own")
        written.create_dataset(name, data=np.asarray(inner[()]))
