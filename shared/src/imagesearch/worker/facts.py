"""Say of the machine and the mounts of a worker what only itself can see."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from imagesearch.files.roots import Roots
from imagesearch.wire import Message, added

CPU_FLAGS = ("avx2", "avx512_bf16", "amx_bf16")
"""What the speed of a network depends on, as Linux names it."""
_ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class WorkerFacts(Message):
    """Describe what a worker stands on; the registry fills in the clock.

    Attributes:
        machine: such as ``x86_64``.
        cpu_flags: those of `CPU_FLAGS` that its CPU has.
        unreadable: the directories of its settings that it cannot read.
        refused: what stores have said that refused something of it in the last minute, as they have no room.
        clock_ahead: seconds by which its clock is ahead of that of Redis.
    """

    machine: str
    cpu_flags: tuple[str, ...]
    unreadable: tuple[str, ...]
    refused: tuple[str, ...] = added(5, ())
    clock_ahead: float = 0.0


def facts_of(roots: Roots) -> WorkerFacts:
    """Return what this process stands on."""
    places = [*roots.allowed, *([roots.uploads] if roots.uploads is not None and roots.uploads.exists() else [])]
    flags = cpu_flags()
    return WorkerFacts(
        machine=platform.machine(),
        cpu_flags=tuple(flag for flag in CPU_FLAGS if flag in flags),
        unreadable=tuple(str(place) for place in places if not os.access(place, os.R_OK | os.X_OK)),
    )


def cpu_flags(root: Path = _ROOT) -> frozenset[str]:
    """Return what the CPU can do, as Linux names it; nothing where it does not say so.

    Args:
        root: where ``proc`` lies.
    """
    try:
        lines = (root / "proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), []))
