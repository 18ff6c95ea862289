"""Load the weights that the ``WEIGHTS`` setting names. Keras is imported where it has to read or build."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.architectures import ARCHITECTURES, Architecture
from imagesearch_extractor.cpu import quiet_import
from imagesearch_extractor.weights import CHOICES, RANDOM_PREFIX, Weights, checked_weights, random_weights

_HDF5 = b"\x89HDF\r\n\x1a\n"
_SUFFIXES = (".h5", ".hdf5", ".keras")


class DownloadFailed(WeightsUnavailable):
    """The published weights are not in Keras' cache and could not be downloaded."""


def load_weights(setting: str, network: str = "vgg16", *, download_timeout: float) -> Weights:
    """Load the weights that `setting` names; nothing falls back to anything else.

    Args:
        network: name of one of `ARCHITECTURES`.
        setting: ``imagenet``, the path of a file that Keras saved, or ``random:SEED``.
        download_timeout: seconds without a byte after which a download has failed.

    Raises:
        DownloadFailed: ``imagenet`` could not be downloaded.
        WeightsUnavailable: anything else; the message is one line that says what to set.
    """
    architecture = ARCHITECTURES[network]
    if setting.startswith(RANDOM_PREFIX):
        return random_weights(setting, architecture)
    model = _downloaded(architecture, download_timeout) if setting == "imagenet" else _read(architecture, setting)
    return checked_weights(architecture, _arrays(architecture, model), setting)


def _keras() -> Any:
    """Import Keras, which brings TensorFlow: five seconds that a wrong setting or random weights do not need."""
    with quiet_import():
        import keras  # noqa: PLC0415 - see above, and TensorFlow must find its threads set
    return keras


def _published(architecture: Architecture, weights: str | None = None) -> Any:
    """Build Keras' own network without its top."""
    _keras()
    from imagesearch_extractor.networks.code import CODE, use_keras_defaults  # noqa: PLC0415 - imports TensorFlow

    use_keras_defaults()
    return CODE[architecture.spec.name].published(weights)


def _arrays(architecture: Architecture, model: Any) -> list[np.ndarray[Any, Any]]:
    """Return the arrays in the order of the architecture; classification layers, which are not used, are left out.

    A model that somebody made may call its layers otherwise: then those of a kind that can be meant are taken in
    its own order.
    """
    kinds = (_keras().layers.Conv2D, _keras().layers.BatchNormalization)
    layers = [layer for layer in model.layers if isinstance(layer, kinds)]
    by_name = {layer.name: layer for layer in layers}
    if all(layer.name in by_name for layer in architecture.layers):
        layers = [by_name[layer.name] for layer in architecture.layers]
    return [np.asarray(array) for layer in layers for array in layer.get_weights()]


def _downloaded(architecture: Architecture, timeout: float) -> Any:
    _keras().config.disable_interactive_logging()  # the progress bar would fill the log
    with _one_download_at_a_time(), _socket_timeout(timeout):
        try:
            return _published(architecture, "imagenet")
        except Exception as error:
            # Keras raises a bare Exception when the address does not answer, OSError and ValueError (wrong
            # digest) when it answers badly. It checks the digest of what is cached, so all of them mean the same.
            raise DownloadFailed(
                f"WEIGHTS=imagenet: Keras could not download the weights ({_first_line(error)}); allow access to "
                "storage.googleapis.com, or set WEIGHTS to a file that Keras saved, or to random:SEED for a trial"
            ) from error


@contextmanager
def _one_download_at_a_time() -> Iterator[None]:
    """Keep two workers that start together from writing Keras' cache file at once."""
    home = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser())
    if not os.access(home if home.exists() else home.parent, os.W_OK):
        home = Path(tempfile.gettempdir(), ".keras")  # where Keras itself goes then
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".imagesearch-download.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _read(architecture: Architecture, setting: str) -> Any:
    path = Path(setting).expanduser()
    if not path.is_file():
        kind = "is a directory" if path.is_dir() else "there is no such file"
        raise WeightsUnavailable(f"WEIGHTS={setting}: {kind}; {CHOICES}")
    if path.suffix not in _SUFFIXES:
        raise WeightsUnavailable(f"WEIGHTS={setting}: a file of this kind is not known; {CHOICES}")
    try:
        return _read_keras(architecture, path)
    except Exception as error:
        # Keras passes on whatever its readers raise for a damaged or foreign file: OSError, ValueError,
        # KeyError, BadZipFile and more. The cause stays chained.
        raise WeightsUnavailable(
            f"WEIGHTS={setting} cannot be read as {architecture.title}'s weights ({_first_line(error)}); {CHOICES}"
        ) from error


def _read_keras(architecture: Architecture, path: Path) -> Any:
    # Whoever named a wrong file is told at once: importing Keras and building a network take seconds.
    if not (zipfile.is_zipfile(path) if path.suffix == ".keras" else _is_hdf5(path)):
        raise ValueError(f"it is no {'archive of Keras' if path.suffix == '.keras' else 'HDF5 file'}")
    if path.suffix == ".keras":
        return _keras().models.load_model(path, compile=False)
    model = _published(architecture)
    try:
        model.load_weights(path)
    except ValueError:
        if path.name.endswith(".weights.h5"):
            raise
        # A file in the older format that was saved with the classification layers holds more layers than
        # this network: take those by name. Layers that the file lacks stay NaN, and are refused.
        model.set_weights([np.full(array.shape, np.nan) for array in model.get_weights()])
        model.load_weights(path, by_name=True)
    return model


def _is_hdf5(path: Path) -> bool:
    """Look for the signature at the file's start, or behind a user block, whose size is a power of two."""
    blocks = takewhile(lambda at: at < path.stat().st_size, (512 << power for power in count()))
    with path.open("rb") as file:
        return any(file.seek(at) == at and file.read(len(_HDF5)) == _HDF5 for at in (0, *blocks))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
