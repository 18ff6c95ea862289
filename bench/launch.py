"""Start the local stack, of which some processes show their metrics: `python launch.py up ...`.

`METRICS_PORTS=indexer=9001,extractor=9002` says who, and where.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace

from imagesearch_local import programs
from imagesearch_local.__main__ import main

_service_programs = programs.service_programs


def measured_programs(port: int, networks: Mapping[str, str]) -> list[programs.Program]:
    """Return the services, those with metrics that have a port for them."""
    ports = dict(pair.split("=") for pair in os.environ["METRICS_PORTS"].split(",") if pair)
    return [
        replace(each, environment={**each.environment, "METRICS_PORT": ports.get(each.name, "0")})
        for each in _service_programs(port, networks)
    ]


if __name__ == "__main__":
    vars(programs)["service_programs"] = measured_programs
    sys.exit(main())
