from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.weights import Weights

pytestmark = pytest.mark.usefixtures("tensorflow")


@pytest.fixture(scope="module")
def model(random_7: Weights, tensorflow: None) -> Any:
    import keras

    made = keras.applications.VGG16(weights=None, include_top=False, pooling="max", input_shape=(224, 224, 3))
    made.set_weights(random_7.arrays)
    return made


@pytest.fixture(scope="module")
def with_top(random_7: Weights, tensorflow: None) -> Any:
    """Hold a VGG16 with a small classifier: the published one has 500 MB of them."""
    import keras

    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    flat = keras.layers.GlobalAveragePooling2D()(base.output)
    made = keras.Model(base.input, keras.layers.Dense(3, name="predictions")(flat))
    made.set_weights([*random_7.arrays, np.zeros((512, 3)), np.zeros(3)])
    return made


def load(setting: str | Path) -> Weights:
    from imagesearch_extractor.loading import load_weights

    return load_weights(str(setting), download_timeout=1.0)


@pytest.mark.parametrize("name", ["x.weights.h5", "x.h5", "x.keras"])
def test_a_file_that_keras_saved_keeps_its_identity(
    name: str, model: Any, random_7: Weights, tmp_path: Path
) -> None:
    path = tmp_path / name
    if name == "x.weights.h5":
        model.save_weights(path)
    else:
        save_whole(model, path)
    loaded = load(path)
    assert loaded.identity == random_7.identity
    assert not loaded.untrained


def test_a_keras_json_that_says_otherwise_changes_nothing(model: Any, random_7: Weights, tmp_path: Path) -> None:
    import keras

    model.save_weights(tmp_path / "x.weights.h5")
    keras.config.set_floatx("float16")
    keras.config.set_image_data_format("channels_first")
    try:
        assert load(tmp_path / "x.weights.h5").identity == random_7.identity
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("name", ["x.weights.h5", "x.h5", "x.keras"])
def test_classification_layers_are_left_out(name: str, with_top: Any, random_7: Weights, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "x.weights.h5":
        with_top.save_weights(path)
    else:
        save_whole(with_top, path)
    assert load(path).identity == random_7.identity


@pytest.mark.parametrize("user_block", [0, 1024])
def test_the_published_files_layout_is_read(
    model: Any, random_7: Weights, tmp_path: Path, user_block: int
) -> None:
    """The file that Keras publishes holds weights alone, in the layout of Keras 1."""
    path = tmp_path / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    write_legacy_weights(model, path, user_block)
    assert load(path).identity == random_7.identity


def write_legacy_weights(model: Any, path: Path, user_block: int) -> None:
    import h5py  # type: ignore[import-untyped]

    with h5py.File(path, "w", userblock_size=user_block) as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_{kind}_1:0" for kind in ("W", "b")][: len(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, layer.get_weights(), strict=True):
                group[name] = array


def save_whole(model: Any, path: Path) -> None:
    import keras

    logging = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    model.save(path)
    if logging:
        keras.config.enable_interactive_logging()


def refused(setting: str | Path) -> str:
    with pytest.raises(WeightsUnavailable) as caught:
        load(setting)
    message = str(caught.value)
    assert "\n" not in message
    assert str(setting) in message
    assert "set WEIGHTS" in message
    return message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.h5")


def test_a_misspelt_name_is_refused() -> None:
    assert "no such file" in refused("imagnet")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert "is a directory" in refused(tmp_path)


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vgg16.pth").write_bytes(b"x")
    assert "not known" in refused(tmp_path / "vgg16.pth")


@pytest.mark.parametrize("name", ["x.weights.h5", "x.h5", "x.hdf5", "x.keras"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_a_damaged_file_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name)


def test_a_file_cut_off_in_the_middle_is_refused(model: Any, tmp_path: Path) -> None:
    model.save_weights(tmp_path / "whole.weights.h5")
    whole = (tmp_path / "whole.weights.h5").read_bytes()
    (tmp_path / "half.weights.h5").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "half.weights.h5")


@pytest.mark.parametrize("name", ["x.weights.h5", "x.h5", "x.keras"])
def test_another_network_is_refused(name: str, tmp_path: Path) -> None:
    import keras

    other = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Dense(2)])
    if name == "x.weights.h5":
        other.save_weights(tmp_path / name)
    else:
        save_whole(other, tmp_path / name)
    refused(tmp_path / name)


def test_a_download_that_cannot_be_reached_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imagesearch_extractor.downloads import DownloadFailed

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DownloadFailed, match="set WEIGHTS to a file") as caught:
        load("imagenet")
    assert "\n" not in str(caught.value)


def test_a_damaged_cache_is_not_taken_for_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imagesearch_extractor.downloads import DownloadFailed

    cached = tmp_path / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    cached.parent.mkdir()
    cached.write_bytes(b"half a file")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DownloadFailed):
        load("imagenet")
