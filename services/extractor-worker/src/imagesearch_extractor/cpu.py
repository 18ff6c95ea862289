"""Fit a process to the CPUs that it may really use, before any numeric library starts its threads.

TensorFlow, OpenMP and BLAS count the machine's cores. In a container with a CPU quota that starts far too
many threads, which the kernel then stops in the middle of their work.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from imagesearch.worker.facts import cpu_flags

_ROOT = Path("/")


def usable_cpus(root: Path = _ROOT) -> int:
    """Return how many CPUs this process may use: the affinity mask, cut by the cgroup's quota.

    A quota of 1.5 CPUs counts as 2: two threads that each run three quarters of the time get all of it.

    Args:
        root: where ``proc`` and ``sys`` lie.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([count, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Yield every CPU quota that binds this process: a cgroup's own, and those above it."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        hierarchy, controllers, path = line.split(":", 2)
        if hierarchy == "0":
            yield from _walk(root / "sys/fs/cgroup", path, _quota_v2)
        elif "cpu" in controllers.split(","):
            yield from _walk(root / "sys/fs/cgroup" / controllers, path, _quota_v1)
            yield from _walk(root / "sys/fs/cgroup/cpu", path, _quota_v1)


def _walk(mount: Path, path: str, quota_of: Callable[[Path], float | None]) -> Iterator[float]:
    # Inside a container the path may be the host's and not exist; its root then is the container's own group.
    group = PurePosixPath(path.lstrip("/"))
    for folder in (group, *group.parents):
        try:
            quota = quota_of(mount / folder)
        except (OSError, ValueError, ZeroDivisionError):
            continue
        if quota is not None:
            yield quota


def _quota_v2(group: Path) -> float | None:
    quota, period = (group / "cpu.max").read_text().split()
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(group: Path) -> float | None:
    quota = int((group / "cpu.cfs_quota_us").read_text())
    period = int((group / "cpu.cfs_period_us").read_text())
    return quota / period if quota > 0 and period > 0 else None


def prepare_process(environ: MutableMapping[str, str] = os.environ, cpus: int | None = None) -> int:
    """Set what numeric libraries read when they are imported, and return the number of CPUs.

    What is set already stays: whoever runs the process knows better.

    Raises:
        RuntimeError: TensorFlow was imported before, so the settings would come too late.
    """
    if "tensorflow" in sys.modules:
        raise RuntimeError("prepare_process must run before TensorFlow is imported")
    cpus = cpus or usable_cpus()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        environ.setdefault(name, str(cpus))
    # VGG16 is a chain: no two of its operations can run at once.
    environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    # TensorFlow's start-up chatter would bury the one line that says why a worker stopped.
    environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # A keras.json in the home directory may name another backend.
    environ["KERAS_BACKEND"] = "tensorflow"
    return cpus


@contextmanager
def quiet_import() -> Iterator[None]:
    """Keep what TensorFlow writes to standard error while it is imported, and show it only if that fails.

    Its first lines come before its log levels hold, and would stand around the one line that matters.
    """
    sys.stderr.flush()
    shown = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(shown, kept.read())
            raise
        finally:
            os.dup2(shown, 2)
            os.close(shown)


def computes_in_bfloat16(root: Path = _ROOT) -> bool:
    """Tell whether the CPU multiplies bfloat16 natively, which doubles the speed of convolutions."""
    return bool({"avx512_bf16", "amx_bf16"} & cpu_flags(root))


def multiplies_in_int8(root: Path = _ROOT) -> bool:
    """Tell whether the CPU sums products of 8-bit numbers in 32 bits; others saturate at 16 on the way."""
    return bool({"avx512_vnni", "avx_vnni", "amx_int8"} & cpu_flags(root))
