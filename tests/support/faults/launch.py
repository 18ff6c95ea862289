"""Start the local stack with the stand-in in the extractors' places: `python launch.py up ...`.

`CLOCKS_AHEAD=indexer=3600,api=-60` says whose clock is wrong, and by how many seconds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from imagesearch_local import programs
from imagesearch_local.__main__ import main

STAND_IN = Path(__file__).with_name("standin.py")
CLOCKED = Path(__file__).with_name("clocked.py")

_service_programs = programs.service_programs


def with_stand_in(port: int, networks: Mapping[str, str]) -> list[programs.Program]:
    """Return the services, the extractors replaced."""
    return [_clocked(_replaced(program)) for program in _service_programs(port, networks)]


def _replaced(program: programs.Program) -> programs.Program:
    return replace(program, command=program.command.replace("-m imagesearch_extractor", str(STAND_IN)))


def _clocked(program: programs.Program) -> programs.Program:
    """Return a service that takes its time from a clock that is wrong, where it is to."""
    pairs = (pair.split("=") for pair in os.environ.get("CLOCKS_AHEAD", "").split(",") if pair)
    ahead = dict(pairs).get(program.name)
    if ahead is None:
        return program
    command = program.command.replace("python -P -m ", "python -P ").replace("python -P ", f"python -P {CLOCKED} ")
    return replace(program, command=command, environment={**program.environment, "CLOCK_AHEAD": ahead})


if __name__ == "__main__":
    programs.service_programs = with_stand_in
    sys.exit(main())
