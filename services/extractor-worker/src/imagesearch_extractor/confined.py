"""Read a file of weights in a process of its own, which has limits.

Some damaged HDF5 files keep libhdf5 in a loop for ever (https://github.com/HDFGroup/hdf5/issues/1707), or have it
ask for any amount of memory, and nothing inside a process can end that.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.architectures import ARCHITECTURES, Architecture
from imagesearch_extractor.weight_files import read_arrays
from imagesearch_extractor.weights import CHOICES, Array

CPU_SECONDS = 60
"""VGG16 takes half a second."""
MEMORY_BYTES = 4 << 30
"""Of addresses; VGG16 takes 0.7 GB of them."""
EX_DATAERR = 65


def read_confined(
    architecture: Architecture, path: Path, sha256: str = "", *, cpu_seconds: int = CPU_SECONDS
) -> list[Array]:
    """Return what `read_arrays` returns.

    Args:
        architecture: one of `ARCHITECTURES`.
        path: of the file.
        sha256: what its digest has to be; empty looks at none.
        cpu_seconds: after which it counts as damaged.

    Raises:
        WeightsUnavailable: it cannot be used; the message is one line.
    """
    with tempfile.TemporaryFile() as made:
        program = [sys.executable, "-P", "-m", __name__, architecture.spec.name, str(path), sha256]
        numbers = [str(cpu_seconds), str(made.fileno())]
        done = subprocess.run(  # noqa: S603 - this program, and arguments that no shell sees
            [*program, *numbers],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=[made.fileno()],
            # Each thread of OpenBLAS takes addresses, and none is of use here.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            check=False,
        )
        if done.returncode == EX_DATAERR:
            raise WeightsUnavailable(done.stdout.strip())
        if done.returncode:
            raise WeightsUnavailable(f"WEIGHTS={path} cannot be read ({_ending(done, cpu_seconds)}); {CHOICES}")
        made.seek(0)
        with np.load(made, allow_pickle=False) as arrays:
            return [arrays[f"arr_{index}"] for index in range(len(arrays.files))]


def _ending(done: subprocess.CompletedProcess[str], cpu_seconds: int) -> str:
    if done.returncode == -signal.SIGXCPU:
        return f"it is damaged: after {cpu_seconds} s of CPU it was not read"
    if done.returncode < 0:
        return f"reading it ended with {signal.Signals(-done.returncode).name}"
    lines = done.stderr.strip().splitlines()
    return f"reading it failed: {lines[-1][:300] if lines else done.returncode}"


def main(network: str, path: str, sha256: str, cpu_seconds: str, descriptor: str) -> int:
    """Read a file within limits, and write its arrays as NumPy does, or say in one line why not."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, int(cpu_seconds))
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    try:
        arrays = read_arrays(ARCHITECTURES[network], Path(path), sha256)
    except WeightsUnavailable as error:
        sys.stdout.write(str(error))
        return EX_DATAERR
    with os.fdopen(int(descriptor), "wb") as made:
        np.savez(made, *arrays)
    return 0


def _limit(kind: int, amount: int) -> None:
    """Set the limit whose signal tells why the process ended, unless there is a lower one."""
    most = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (amount if most == resource.RLIM_INFINITY else min(amount, most), most))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
