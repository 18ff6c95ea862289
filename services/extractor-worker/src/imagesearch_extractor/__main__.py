"""Run an extractor: ``python -m imagesearch_extractor --queue extract|query``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing

from imagesearch.contract import Queue
from imagesearch.errors import WeightsUnavailable
from imagesearch.telemetry import configure, log_settings
from imagesearch_extractor.configuration import BadConfiguration, read_configuration
from imagesearch_extractor.cpu import prepare_process, quiet_import

EX_CONFIG = 78
"""Exit code of sysexits.h for a configuration that cannot work."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Start a worker and return its exit code when it ends."""
    parser = argparse.ArgumentParser(prog="python -m imagesearch_extractor", description=__doc__)
    parser.add_argument("--queue", choices=[Queue.EXTRACT.value, Queue.QUERY.value], required=True)
    queue = Queue(parser.parse_args(arguments).queue)
    try:
        configuration = read_configuration(queue)
        if queue is Queue.EXTRACT:
            os.nice(configuration.extractor.bulk_niceness)
        prepare_process()
        page = configure("extractor" if queue is Queue.EXTRACT else "extractor-query", configuration.telemetry)
        log_settings(configuration.extractor, configuration.redis, configuration.sources, configuration.pictures)
        with quiet_import():
            from imagesearch_extractor import worker  # noqa: PLC0415 - TensorFlow must find its threads set
        network = worker.load_network(configuration.extractor)
    except (BadConfiguration, WeightsUnavailable) as error:
        sys.stderr.write(f"extractor cannot start: {error}\n")
        return EX_CONFIG
    with closing(page):
        return worker.run(queue, configuration, network)


if __name__ == "__main__":
    sys.exit(main())
