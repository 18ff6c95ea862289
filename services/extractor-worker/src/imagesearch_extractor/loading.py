"""Load the weights that the ``WEIGHTS`` setting names."""

from __future__ import annotations

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.architectures import ARCHITECTURES, Architecture
from imagesearch_extractor.confined import read_confined
from imagesearch_extractor.downloads import fetch
from imagesearch_extractor.weight_files import SUFFIXES, named_file
from imagesearch_extractor.weights import (
    CHOICES,
    PUBLISHED,
    RANDOM_PREFIX,
    Array,
    Weights,
    checked_weights,
    random_weights,
)


def load_weights(setting: str, network: str = "vgg16", *, sha256: str = "", download_timeout: float) -> Weights:
    """Load the weights that `setting` names; nothing falls back to anything else.

    Args:
        network: name of one of `ARCHITECTURES`.
        setting: ``imagenet``, the path of a file that Keras saved, or ``random:SEED``.
        sha256: what the digest of the file has to be, downloaded or not, 64 hex digits; empty looks at none.
        download_timeout: seconds without a byte after which a download has failed.

    Raises:
        DownloadFailed: ``imagenet`` could not be downloaded.
        WeightsUnavailable: anything else; the message is one line that says what to set.
    """
    architecture = ARCHITECTURES[network]
    if setting.startswith(RANDOM_PREFIX):
        if sha256:
            raise WeightsUnavailable(f"WEIGHTS_SHA256 is of a file, and WEIGHTS={setting} names none; unset it")
        return random_weights(setting, architecture)
    if setting == PUBLISHED:
        arrays = read_confined(architecture, fetch(architecture.publication, download_timeout), sha256)
    else:
        arrays = _read(architecture, setting, sha256)
    return checked_weights(architecture, arrays, setting)


def _read(architecture: Architecture, setting: str, sha256: str) -> list[Array]:
    path = named_file(setting, CHOICES)
    if path.suffix not in SUFFIXES:
        raise WeightsUnavailable(f"WEIGHTS={setting}: a file of this kind is not known; {CHOICES}")
    return read_confined(architecture, path, sha256)
