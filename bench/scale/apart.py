"""Measure each operation in a process of its own, so that its memory is its own."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from bench.scale import memory
from bench.scale.cpu import Meter
from bench.scale.ground import Place, opened
from bench.scale.operations import OPERATIONS
from bench.scale.timing import Timer


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold what an operation costs.

    Attributes:
        seconds: that one path, batch or call takes on the clock.
        cpu: seconds that it takes of the CPU, in all processes together.
        units: how many were measured.
        peak: the most memory of the process that did it, in bytes.
        session: what the largest of its sessions had in the end.
    """

    seconds: float
    cpu: float
    units: int
    peak: int
    session: int


def measured(place: Place, name: str) -> Cost:
    """Measure an operation in this process."""
    operation = next(each for each in OPERATIONS if each.name == name)
    timer = Timer(Meter(place.servers), place.most)
    with opened(place) as ground:
        operation.measure(ground, timer)
        session = memory.of_sessions(place.servers)
    return Cost(*timer.cost(operation.unit), timer.units, memory.of_this_process(), session)


def measured_apart(place: Place, name: str) -> Cost:
    """Measure an operation in a process that begins and ends with it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measured, place, name).result()
