"""Start the local stack with the stand-in in the extractors' places: `python launch.py up ...`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from imagesearch_local import programs
from imagesearch_local.__main__ import main

STAND_IN = Path(__file__).with_name("standin.py")

_service_programs = programs.service_programs


def with_stand_in(port: int, networks: Mapping[str, str]) -> list[programs.Program]:
    """Return the services, the extractors replaced."""
    return [
        replace(program, command=program.command.replace("-m imagesearch_extractor", str(STAND_IN)))
        for program in _service_programs(port, networks)
    ]


if __name__ == "__main__":
    programs.service_programs = with_stand_in
    sys.exit(main())
