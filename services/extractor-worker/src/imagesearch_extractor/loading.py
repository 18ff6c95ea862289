"""Load the weights that the ``WEIGHTS`` setting names. Keras is imported for what it publishes alone."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.architectures import ARCHITECTURES, Architecture
from imagesearch_extractor.cpu import quiet_import
from imagesearch_extractor.weight_files import SUFFIXES, read_arrays
from imagesearch_extractor.weights import (
    CHOICES,
    RANDOM_PREFIX,
    Array,
    Weights,
    checked_weights,
    random_weights,
)


class DownloadFailed(WeightsUnavailable):
    """The published weights are not in Keras' cache and could not be downloaded."""


def load_weights(setting: str, network: str = "vgg16", *, sha256: str = "", download_timeout: float) -> Weights:
    """Load the weights that `setting` names; nothing falls back to anything else.

    Args:
        network: name of one of `ARCHITECTURES`.
        setting: ``imagenet``, the path of a file that Keras saved, or ``random:SEED``.
        sha256: what the digest of the file has to be, 64 hex digits; empty looks at none.
        download_timeout: seconds without a byte after which a download has failed.

    Raises:
        DownloadFailed: ``imagenet`` could not be downloaded.
        WeightsUnavailable: anything else; the message is one line that says what to set.
    """
    architecture = ARCHITECTURES[network]
    if sha256 and (setting == "imagenet" or setting.startswith(RANDOM_PREFIX)):
        raise WeightsUnavailable(
            f"WEIGHTS_SHA256 is of a file, and WEIGHTS={setting} names none; unset it (Keras checks its downloads)"
        )
    if setting.startswith(RANDOM_PREFIX):
        return random_weights(setting, architecture)
    if setting == "imagenet":
        arrays = _downloaded(architecture, download_timeout)
    else:
        arrays = _read(architecture, setting, sha256)
    return checked_weights(architecture, arrays, setting)


def _keras() -> Any:
    """Import Keras, which brings TensorFlow: five seconds that a wrong setting or random weights do not need."""
    with quiet_import():
        import keras  # noqa: PLC0415 - see above, and TensorFlow must find its threads set
    return keras


def _downloaded(architecture: Architecture, timeout: float) -> list[Array]:
    """Return the arrays of Keras' own network without its top."""
    _keras().config.disable_interactive_logging()  # the progress bar would fill the log
    from imagesearch_extractor.networks.code import CODE, use_keras_defaults  # noqa: PLC0415 - imports TensorFlow

    use_keras_defaults()
    with _one_download_at_a_time(), _socket_timeout(timeout):
        try:
            model = CODE[architecture.spec.name].published("imagenet")
        except Exception as error:
            # Keras raises a bare Exception when the address does not answer, OSError and ValueError (wrong
            # digest) when it answers badly. It checks the digest of what is cached, so all of them mean the same.
            raise DownloadFailed(
                f"WEIGHTS=imagenet: Keras could not download the weights ({_first_line(error)}); allow access to "
                "storage.googleapis.com, or set WEIGHTS to a file that Keras saved, or to random:SEED for a trial"
            ) from error
    return [
        np.asarray(array) for layer in architecture.layers for array in model.get_layer(layer.name).get_weights()
    ]


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


def _read(architecture: Architecture, setting: str, sha256: str) -> list[Array]:
    path = Path(setting).expanduser()
    if not path.is_file():
        kind = "is a directory" if path.is_dir() else "there is no such file"
        raise WeightsUnavailable(f"WEIGHTS={setting}: {kind}; {CHOICES}")
    if path.suffix not in SUFFIXES:
        raise WeightsUnavailable(f"WEIGHTS={setting}: a file of this kind is not known; {CHOICES}")
    return read_arrays(architecture, path, sha256)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
