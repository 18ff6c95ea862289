"""Give a node a part of the machine's cgroups that looks whole to it, of version 1 or 2."""

from __future__ import annotations

import os
from pathlib import Path

from tools.cluster.commands import run

ROOT = Path("/sys/fs/cgroup")
COMMON = {"rw", "ro", "relatime", "nosuid", "nodev", "noexec"}
"""Options of a mount that do not say which hierarchy it is."""


def join(name: str, memory_bytes: int) -> None:
    """Move this process into a new cgroup of every hierarchy; together its children may have so much memory."""
    for hierarchy in _hierarchies():
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        for limit in ("memory.limit_in_bytes", "memory.max"):
            if (group / limit).exists():
                (group / limit).write_text(str(memory_bytes))
        for inherited in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / inherited).exists() and not _is_unified():
                (group / inherited).write_text((hierarchy / inherited).read_text())
        (group / "cgroup.procs").write_text(str(os.getpid()))


def mount_own() -> None:
    """Show this process's cgroups as the root of each hierarchy, in mounts and cgroups of its own."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    hierarchies = [(point, options.split(",")) for _, point, system, options, *_ in mounts if system == "cgroup"]
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    if not hierarchies:
        run("mount", "-t", "cgroup2", "cgroup2", str(ROOT))
        # Only a cgroup without processes of its own hands controllers on.
        (ROOT / "init").mkdir()
        (ROOT / "init/cgroup.procs").write_text(str(os.getpid()))
        controllers = (ROOT / "cgroup.controllers").read_text().split()
        (ROOT / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in controllers))
        return
    run("mount", "-t", "tmpfs", "tmpfs", str(ROOT))
    for point, options in hierarchies:
        own = [option for option in options if option not in COMMON]
        named = ["none"] if any(option.startswith("name=") for option in own) else []
        Path(point).mkdir()
        run("mount", "-t", "cgroup", "-o", ",".join(named + own), "cgroup", point)


def processes(name: str) -> list[str]:
    """Return the processes that are in a cgroup, or in one beneath it."""
    found: list[str] = []
    for hierarchy in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / name):
            found += Path(folder, "cgroup.procs").read_text().split()
    return found


def remove(name: str) -> None:
    """Remove what a node that has ended leaves."""
    for hierarchy in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / name, topdown=False):
            Path(folder).rmdir()


def _is_unified() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def _hierarchies() -> list[Path]:
    if _is_unified():
        return [ROOT]
    named = [path for path in ROOT.iterdir() if not path.is_symlink() and path.name != "unified"]
    return [path for path in named if (path / "cgroup.procs").exists()]
