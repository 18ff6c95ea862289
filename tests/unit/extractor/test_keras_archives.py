"""Of a saved model nothing is taken over but known layers and their numbers."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from imagesearch_extractor.keras_archives import CONFIG, METADATA, NUMBERS, copy_clean
from imagesearch_extractor.models import ModelRejected

DENSE: dict[str, Any] = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {
        "units": 2,
        "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}},
    },
    "registered_name": None,
}


def numbers() -> io.BytesIO:
    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        file["layers/dense/vars/0"] = np.arange(4, dtype=np.float32)
        file["layers/dense/vars"].attrs["name"] = "dense"
    return made


def model(*layers: object, **more: object) -> dict[str, Any]:
    return {"module": "keras", "class_name": "Sequential", "config": {"layers": list(layers)}, **more}


def archive(config: object, *, others: Mapping[str, bytes] | None = None, compression: int = 0) -> io.BytesIO:
    made = io.BytesIO()
    members = {
        METADATA: b"{}",
        CONFIG: config if isinstance(config, bytes) else json.dumps(config).encode(),
        NUMBERS: numbers().getvalue(),
        **(others or {}),
    }
    with zipfile.ZipFile(made, "w", compression) as written:
        for name, content in members.items():
            written.writestr(name, content)
    return made


def refused(source: io.BytesIO) -> str:
    with pytest.raises(ModelRejected) as caught:
        copy_clean(source, io.BytesIO())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_layers_and_numbers_are_taken_over_and_training_is_not() -> None:
    training = {"loss": {"module": "os", "class_name": "system", "config": {}}}
    made = io.BytesIO()
    copy_clean(archive(model(DENSE, compile_config=training)), made)
    with zipfile.ZipFile(made) as copy:
        assert json.loads(copy.read(CONFIG)) == model(DENSE, compile_config=None)
        with h5py.File(io.BytesIO(copy.read(NUMBERS))) as file:
            assert file["layers/dense/vars/0"][()].tolist() == [0, 1, 2, 3]
            assert list(file["layers/dense/vars"].attrs) == []


FUNCTION = {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"}


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({**DENSE, "class_name": "Lambda"}, "keras.layers.Lambda"),
        ({**DENSE, "class_name": "TFSMLayer"}, "keras.layers.TFSMLayer"),
        ({**DENSE, "class_name": "TorchModuleWrapper"}, "keras.layers.TorchModuleWrapper"),
        ({**DENSE, "class_name": "StringLookup"}, "keras.layers.StringLookup"),
        ({**DENSE, "class_name": ["Dense"]}, "is not one"),
        ({**DENSE, "module": "os", "class_name": "system"}, "os.system"),
        ({**DENSE, "module": "keras.config", "class_name": "enable_unsafe_deserialization"}, "keras.config"),
        ({**DENSE, "module": "keras.utils", "class_name": "get_file"}, "keras.utils.get_file"),
        ({**DENSE, "module": None}, "Dense"),
        ({**DENSE, "module": ["keras.layers"]}, "is not one"),
        ({**DENSE, "registered_name": "Custom>Dense"}, "is not one"),
        ({**DENSE, "config": {"activation": FUNCTION}}, "builtins.function"),
        ({**DENSE, "config": {"kernel_initializer": {"class_name": "__lambda__", "config": {}}}}, "__lambda__"),
        ({**DENSE, "config": {"deep": [[{"a": [FUNCTION]}]]}}, "builtins.function"),
        ({"class_name": "__keras_tensor__", "registered_name": "Custom>x"}, "is not one"),
        ({"function": "print"}, "is not one"),
    ],
)
def test_what_is_no_known_layer_is_refused_wherever_it_stands(part: dict[str, Any], words: str) -> None:
    assert words in refused(archive(model(DENSE, part)))
    assert words in refused(archive(model(DENSE, build_config={"x": part})))


def test_other_files_in_the_archive_are_refused() -> None:
    for name in ("assets/vocabulary.txt", "../../etc/cron.d/x", "module.py"):
        assert "in place of one each of three files" in refused(archive(model(DENSE), others={name: b"x"}))


def test_what_unpacks_to_more_is_refused() -> None:
    assert "compressed" in refused(archive(model(DENSE), compression=zipfile.ZIP_DEFLATED))
    deep: object = 0
    for _ in range(100):
        deep = [deep]
    assert "too deep" in refused(archive(model(DENSE, deep)))
    assert "damaged" in refused(archive(b"[" * 100_000))


@pytest.mark.parametrize("config", [b"", b"\xff", b"[]", b"{"])
def test_a_description_that_is_none_is_refused(config: bytes) -> None:
    assert "damaged" in (said := refused(archive(config))) or "none of a model" in said


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_a_part_of_an_archive_is_refused(share: float) -> None:
    whole = archive(model(DENSE)).getvalue()
    assert "damaged" in refused(io.BytesIO(whole[: int(share * len(whole))]))


@pytest.mark.parametrize("kind", ["link", "soft link", "external", "virtual", "compressed", "text"])
def test_numbers_that_lie_elsewhere_or_grow_are_refused(kind: str) -> None:
    made = numbers()
    with h5py.File(made, "a") as file:
        group = file["layers/dense/vars"]
        if kind == "link":
            group["1"] = h5py.ExternalLink("/etc/passwd", "x")
        elif kind == "soft link":
            group["1"] = h5py.SoftLink("/layers/dense/vars/0")
        elif kind == "external":
            group.create_dataset("1", (4,), "u1", external=[("/etc/passwd", 0, 4)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
            group.create_virtual_dataset("1", layout)
        elif kind == "compressed":
            group.create_dataset("1", (1 << 20,), "f4", compression="gzip")
        else:
            group["1"] = ["text"]
    words = "lies elsewhere" if "link" in kind else "holds no numbers of its own"
    assert words in refused(archive(model(DENSE), others={NUMBERS: made.getvalue()}))
