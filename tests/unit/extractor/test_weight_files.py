"""Files of weights are read by layer names, and nothing in them is run; no TensorFlow is needed."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import run

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from imagesearch.errors import WeightsUnavailable
from imagesearch.networks import NetworkSpec
from imagesearch_extractor.architectures import Architecture, Layer, Publication
from imagesearch_extractor.loading import load_weights
from imagesearch_extractor.weight_files import read_arrays

TINY = Architecture(
    NetworkSpec("tiny", 4),
    "Tiny",
    "3 convolutions",
    (
        Layer("first", (3, 3, 3, 4), 4),
        Layer("second", (3, 3, 4, 4), 4),
        Layer("third", (3, 3, 4, 4), 4),
    ),
    Publication("https://example.org/tiny.h5", "", 0),
)
Arrays = dict[str, list[np.ndarray]]


@pytest.fixture
def arrays() -> Arrays:
    draw = np.random.default_rng(3)
    return {layer.name: [draw.random(shape, dtype=np.float32) for shape in layer.shapes] for layer in TINY.layers}


def legacy(layers: Mapping[str, list[np.ndarray]], path: Path, *, is_whole_model: bool = False) -> Path:
    """Write the layout of Keras 1 and 2; a whole model describes its layers as well."""
    with h5py.File(path, "w") as file:
        if is_whole_model:
            # Reading this runs what it says: here it would end the process.
            config = {"class_name": "Lambda", "module": "os", "config": {"function": "_exit", "arguments": [1]}}
            file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": {"layers": [config]}})
        root = file.create_group("model_weights") if is_whole_model else file
        root.attrs["layer_names"] = [name.encode() for name in [*layers, "pool"]]
        root.create_group("pool").attrs["weight_names"] = []
        for name, parts in layers.items():
            group = root.create_group(name)
            names = [f"{name}/part_{index}:0" for index in range(len(parts))]
            group.attrs["weight_names"] = [each.encode() for each in names]
            for each, part in zip(names, parts, strict=True):
                group[each] = part
    return path


def numbered(layers: Mapping[str, list[np.ndarray]], path: Path | io.BytesIO, *, has_names: bool = True) -> None:
    """Write the layout of ``.weights.h5``: numbered by the kind of layer."""
    with h5py.File(path, "w") as file:
        for index, (name, parts) in enumerate(layers.items()):
            group = file.create_group(f"layers/conv2d{f'_{index}' if index else ''}/vars")
            if has_names:
                group.attrs["name"] = name
            for place, part in enumerate(parts):
                group[str(place)] = part


def weights_file(layers: Mapping[str, list[np.ndarray]], path: Path) -> Path:
    numbered(layers, path)
    return path


def whole_model(layers: Mapping[str, list[np.ndarray]], path: Path) -> Path:
    return legacy(layers, path, is_whole_model=True)


def archive(layers: Mapping[str, list[np.ndarray]], path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    content = io.BytesIO()
    numbered(layers, content)
    with zipfile.ZipFile(path, "w", compression) as made:
        made.writestr("config.json", json.dumps({"class_name": "_exit", "module": "os", "config": {}}))
        made.writestr("model.weights.h5", content.getvalue())
    return path


Writer = Callable[[Mapping[str, list[np.ndarray]], Path], Path]
WRITERS: dict[str, Writer] = {
    "a.h5": legacy,
    "b.h5": whole_model,
    "c.weights.h5": weights_file,
    "d.keras": archive,
}
each_kind = pytest.mark.parametrize("name", WRITERS)


def same(found: list[np.ndarray], arrays: Arrays) -> bool:
    wanted = [part for layer in TINY.layers for part in arrays[layer.name]]
    return len(found) == len(wanted) and all(map(np.array_equal, found, wanted))


def refused(path: Path, sha256: str = "") -> str:
    with pytest.raises(WeightsUnavailable) as caught:
        read_arrays(TINY, path, sha256)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"WEIGHTS={path} cannot be read as Tiny's weights (")
    assert "set WEIGHTS to" in message
    return message


@each_kind
def test_numbers_are_read_from_whatever_keras_saves_and_descriptions_are_not(
    name: str, arrays: Arrays, tmp_path: Path
) -> None:
    assert same(read_arrays(TINY, WRITERS[name](arrays, tmp_path / name)), arrays)


@each_kind
def test_another_order_of_the_layers_makes_no_other_network(name: str, arrays: Arrays, tmp_path: Path) -> None:
    # The last two have equal shapes: taken in the order of the file, nobody would notice.
    turned = {layer: arrays[layer] for layer in ("third", "first", "second")}
    assert same(read_arrays(TINY, WRITERS[name](turned, tmp_path / name)), arrays)


@each_kind
def test_other_layers_are_left_out(name: str, arrays: Arrays, tmp_path: Path) -> None:
    more = {**arrays, "predictions": [np.zeros((4, 2), np.float32), np.zeros(2, np.float32)]}
    assert same(read_arrays(TINY, WRITERS[name](more, tmp_path / name)), arrays)


@each_kind
def test_names_of_somebodys_own_are_taken_in_the_order_of_the_file(
    name: str, arrays: Arrays, tmp_path: Path
) -> None:
    own = {f"mine_{index}": arrays[layer.name] for index, layer in enumerate(TINY.layers)}
    assert same(read_arrays(TINY, WRITERS[name](own, tmp_path / name)), arrays)


def test_layers_without_names_are_taken_by_their_numbers(arrays: Arrays, tmp_path: Path) -> None:
    numbered(arrays, tmp_path / "x.weights.h5", has_names=False)
    assert same(read_arrays(TINY, tmp_path / "x.weights.h5"), arrays)


def test_many_names_are_read_from_the_parts_that_keras_cuts_them_into(arrays: Arrays, tmp_path: Path) -> None:
    path = legacy(arrays, tmp_path / "x.h5")
    with h5py.File(path, "a") as file:
        names = list(file.attrs["layer_names"])
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:1], names[1:]
    assert same(read_arrays(TINY, path), arrays)


@each_kind
def test_a_missing_layer_is_named(name: str, arrays: Arrays, tmp_path: Path) -> None:
    del arrays["second"]
    assert "the layer second is missing" in refused(WRITERS[name](arrays, tmp_path / name))


@each_kind
def test_a_layer_of_another_shape_is_named(name: str, arrays: Arrays, tmp_path: Path) -> None:
    arrays["first"][0] = np.zeros((3, 3, 1, 4), np.float32)
    message = refused(WRITERS[name](arrays, tmp_path / name))
    assert "the layer first has arrays of [(3, 3, 1, 4), (4,)] instead of [(3, 3, 3, 4), (4,)]" in message


@each_kind
def test_another_architecture_is_refused(name: str, arrays: Arrays, tmp_path: Path) -> None:
    other = {f"conv{index}": arrays["third"] for index in range(5)}
    assert "5 layers instead of 3" in refused(WRITERS[name](other, tmp_path / name))


@each_kind
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_part_of_a_file_is_refused(name: str, share: float, arrays: Arrays, tmp_path: Path) -> None:
    whole = WRITERS[name](arrays, tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
    message = refused(tmp_path / name)
    assert any(reason in message for reason in ("cut off", "only a part", "damaged"))


@pytest.mark.parametrize(
    ("name", "reason"), [("x.h5", "no HDF5 file"), ("x.weights.h5", "no HDF5 file"), ("x.keras", "no archive")]
)
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x80\x04\x95 a pickle"])
def test_what_is_no_file_of_keras_is_refused(name: str, reason: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert reason in refused(tmp_path / name)


def test_an_archive_that_unpacks_to_more_is_refused(arrays: Arrays, tmp_path: Path) -> None:
    assert "compressed" in refused(archive(arrays, tmp_path / "x.keras", zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as made:
        made.writestr("config.json", "{}")
    assert "holds no model.weights.h5" in refused(tmp_path / "empty.keras")


@pytest.mark.parametrize("kind", ["link", "external", "virtual"])
def test_numbers_of_other_files_are_not_read(kind: str, arrays: Arrays, tmp_path: Path) -> None:
    other = legacy(arrays, tmp_path / "other.h5")
    path = legacy({**arrays, "third": arrays["third"][:1]}, tmp_path / "x.h5")
    with h5py.File(path, "a") as file:
        group = file["third"]
        group.attrs["weight_names"] = [b"third/part_0:0", b"elsewhere"]
        if kind == "link":
            group["elsewhere"] = h5py.ExternalLink(str(other), "third/third/part_1:0")
        elif kind == "external":
            group.create_dataset("elsewhere", (4,), "f4", external=[(str(other), 0, 16)])
        else:
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource(str(other), "third/third/part_1:0", (4,))
            group.create_virtual_dataset("elsewhere", layout)
    assert "'elsewhere'" in refused(path)


def test_what_is_no_number_is_refused(arrays: Arrays, tmp_path: Path) -> None:
    path = legacy(arrays, tmp_path / "x.h5")
    with h5py.File(path, "a") as file:
        del file["third/third/part_1:0"]
        file["third"].create_dataset("third/part_1:0", data=[b"a", b"b", b"c", b"d"], dtype=h5py.string_dtype())
    assert "other things than numbers" in refused(path)


@each_kind
def test_the_digest_of_a_file_is_checked_before_it_is_read(name: str, arrays: Arrays, tmp_path: Path) -> None:
    path = WRITERS[name](arrays, tmp_path / name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert same(read_arrays(TINY, path, digest.upper()), arrays)
    path.write_bytes(path.read_bytes() + b"x")
    message = refused(path, digest)
    assert f"WEIGHTS_SHA256 says {digest}" in message
    assert hashlib.sha256(path.read_bytes()).hexdigest() in message


def test_a_digest_without_a_file_is_refused() -> None:
    with pytest.raises(WeightsUnavailable, match="WEIGHTS_SHA256 is of a file"):
        load_weights("random:7", sha256="ab" * 32, download_timeout=1.0)


def test_a_file_needs_no_tensorflow(arrays: Arrays, tmp_path: Path) -> None:
    path = legacy(arrays, tmp_path / "x.h5")
    program = (
        "import sys; from imagesearch.errors import WeightsUnavailable\n"
        "from imagesearch_extractor.loading import load_weights\n"
        f"try: load_weights({str(path)!r}, download_timeout=1.0)\n"
        "except WeightsUnavailable as error: print(error)\n"
        "print('keras' in sys.modules)"
    )
    said = run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "3 layers instead of 13" in said[0]
    assert said[1:] == ["False"]
