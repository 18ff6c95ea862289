"""Make sure that the weights are here before any worker starts: ``python -m imagesearch_extractor.prefetch``.

Exits with 0 when the weights that ``WEIGHTS`` names can be loaded, 69 when they must be downloaded and the
download does not work, and 78 when the setting itself is wrong.
"""

from __future__ import annotations

import sys

from pydantic import ValidationError

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.configuration import one_line
from imagesearch_extractor.cpu import prepare_process, quiet_import
from imagesearch_extractor.downloads import DownloadFailed
from imagesearch_extractor.file_loading import load_file_network
from imagesearch_extractor.loading import load_weights
from imagesearch_extractor.quantised.files import load_quantised
from imagesearch_extractor.settings import FROM_FILE, ExtractorSettings

EX_UNAVAILABLE = 69
EX_CONFIG = 78


def main() -> int:
    """Load the weights once, say in one line how that went, and return the exit code."""
    try:
        settings = ExtractorSettings()
    except ValidationError as error:
        return _refuse(one_line(error), EX_CONFIG)
    if settings.network == FROM_FILE:
        return _try_file(settings)
    try:
        weights = (
            load_quantised(settings.weights, sha256=settings.weights_sha256)
            if settings.is_quantised
            else load_weights(
                settings.weights,
                settings.network,
                sha256=settings.weights_sha256,
                download_timeout=settings.download_timeout,
            )
        )
    except DownloadFailed as error:
        return _refuse(str(error), EX_UNAVAILABLE)
    except WeightsUnavailable as error:
        return _refuse(str(error), EX_CONFIG)
    sys.stdout.write(f"WEIGHTS={settings.weights} is ready: {weights.identity}\n")
    return 0


def _try_file(settings: ExtractorSettings) -> int:
    """Open and run the network that lies in a file, as a worker does when it starts."""
    prepare_process()
    try:
        with quiet_import():
            network = load_file_network(
                settings.weights, sha256=settings.weights_sha256, compute_batch=settings.compute_batch
            )
        network.warm_up()
    except WeightsUnavailable as error:
        return _refuse(str(error), EX_CONFIG)
    sys.stdout.write(f"WEIGHTS={settings.weights} is ready: {network.identity}\n")
    return 0


def _refuse(reason: str, code: int) -> int:
    sys.stderr.write(f"{reason}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
