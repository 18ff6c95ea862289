"""Start the local stack with the stand-in in the extractors' places: `python launch.py up ...`.

`CLOCKS_AHEAD=indexer=3600,api=-60` says whose clock is wrong, and by how many seconds;
`METRICS_PORTS=indexer=9001,scheduler=9002` who shows metrics, and where.
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
    return [_measured(_clocked(_replaced(program))) for program in _service_programs(port, networks)]


def _replaced(program: programs.Program) -> programs.Program:
    return replace(program, command=program.command.replace("-m imagesearch_extractor", str(STAND_IN)))


def _clocked(program: programs.Program) -> programs.Program:
    """Return a service that takes its time from a clock that is wrong, where it is to."""
    ahead = _pairs("CLOCKS_AHEAD").get(program.name)
    if ahead is None:
        return program
    command = program.command.replace("python -P -m ", "python -P ").replace("python -P ", f"python -P {CLOCKED} ")
    return replace(program, command=command, environment={**program.environment, "CLOCK_AHEAD": ahead})


def _measured(program: programs.Program) -> programs.Program:
    """Return a service that shows its metrics, where it is to."""
    port = _pairs("METRICS_PORTS").get(program.name)
    return program if port is None else replace(program, environment={**program.environment, "METRICS_PORT": port})


def _pairs(variable: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in os.environ.get(variable, "").split(",") if pair)


if __name__ == "__main__":
    programs.service_programs = with_stand_in
    sys.exit(main())
