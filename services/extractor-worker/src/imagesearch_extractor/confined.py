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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.architectures import ARCHITECTURES, Architecture
from imagesearch_extractor.keras_archives import copy_clean
from imagesearch_extractor.models import ModelRejected
from imagesearch_extractor.weight_files import DigestDiffers, checked_digest, read_arrays
from imagesearch_extractor.weights import CHOICES, Array

CPU_SECONDS = 60
"""VGG16 takes half a second."""
MEMORY_BYTES = 4 << 30
"""Of addresses; VGG16 takes 0.7 GB of them."""
EX_DATAERR = 65
WHOLE = "whole"
"""Names no architecture."""


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
        _run(architecture.spec.name, path, sha256, cpu_seconds, made)
        with np.load(made, allow_pickle=False) as arrays:
            return [arrays[f"arr_{index}"] for index in range(len(arrays.files))]


@contextmanager
def clean_confined(path: Path, sha256: str = "", *, cpu_seconds: int = CPU_SECONDS) -> Iterator[tuple[str, str]]:
    """Hold a copy of a model that `copy_clean` makes, by its path; the second is the digest of the file itself.

    Raises:
        WeightsUnavailable: it cannot be used; the message is one line.
    """
    with tempfile.NamedTemporaryFile(suffix=".keras") as made:
        digest = _run(WHOLE, path, sha256, cpu_seconds, made)
        yield made.name, digest


def _run(what: str, path: Path, sha256: str, cpu_seconds: int, made: IO[bytes]) -> str:
    """Have a process read a file and write what it made of it, and return what it says."""
    arguments = (what, sha256, str(made.fileno()))
    said = run_confined(__name__, path, arguments, cpu_seconds=cpu_seconds, inherited=[made.fileno()])
    made.seek(0)
    return said


def run_confined(
    module: str, path: Path, arguments: Sequence[str], *, cpu_seconds: int, inherited: Sequence[int] = ()
) -> str:
    """Run a module of this package in a process of its own, and return what it prints.

    Args:
        module: whose `main` takes the path, the CPU seconds that it is to limit itself to, and the arguments.
        path: of a file that may do anything to who reads it.
        arguments: the others.
        cpu_seconds: after which the process ends.
        inherited: descriptors that it may use.

    Raises:
        WeightsUnavailable: the process says that the file cannot be used, or ended otherwise; one line.
    """
    done = subprocess.run(  # noqa: S603 - this program, and arguments that no shell sees
        [sys.executable, "-P", "-m", module, str(path), str(cpu_seconds), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        pass_fds=inherited,
        # Each thread of OpenBLAS takes addresses, and none is of use here.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    if done.returncode == EX_DATAERR:
        raise WeightsUnavailable(done.stdout.strip())
    if done.returncode:
        raise WeightsUnavailable(f"WEIGHTS={path} cannot be read ({_ending(done, cpu_seconds)}); {CHOICES}")
    return done.stdout.strip()


def _ending(done: subprocess.CompletedProcess[str], cpu_seconds: int) -> str:
    if done.returncode == -signal.SIGXCPU:
        return f"it is damaged: after {cpu_seconds} s of CPU it was not read"
    if done.returncode < 0:
        return f"reading it ended with {signal.Signals(-done.returncode).name}"
    lines = done.stderr.strip().splitlines()
    return f"reading it failed: {lines[-1][:300] if lines else done.returncode}"


def main(path: str, cpu_seconds: str, what: str, sha256: str, descriptor: str) -> int:
    """Read a file within limits, and write what is made of it, or say in one line why not.

    Args:
        path: of the file.
        cpu_seconds: after which this process is ended.
        what: whose arrays are written as NumPy does, or `WHOLE` for a clean copy of a model.
        sha256: what its digest has to be; empty looks at none.
        descriptor: of the file that is written.
    """
    confine(int(cpu_seconds), MEMORY_BYTES)
    try:
        with os.fdopen(int(descriptor), "wb") as made:
            if what == WHOLE:
                sys.stdout.write(_copy_whole(Path(path), sha256, made))
            else:
                np.savez(made, *read_arrays(ARCHITECTURES[what], Path(path), sha256))
    except WeightsUnavailable as error:
        sys.stdout.write(str(error))
        return EX_DATAERR
    return 0


def confine(cpu_seconds: int, memory_bytes: int) -> None:
    """Limit what this process may take from now on.

    Args:
        cpu_seconds: after which it is ended.
        memory_bytes: of addresses; on Linux alone.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, memory_bytes)


def _copy_whole(path: Path, sha256: str, made: IO[bytes]) -> str:
    """Write a clean copy of a model, and return the digest of its file."""
    try:
        with path.open("rb") as file:
            digest = checked_digest(file, sha256)
            copy_clean(file, made)
    except (ModelRejected, DigestDiffers, OSError) as error:
        raise WeightsUnavailable(f"WEIGHTS={path} cannot be used ({error})") from error
    return digest


def _limit(kind: int, amount: int) -> None:
    """Set the limit whose signal tells why the process ended, unless there is a lower one."""
    most = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (amount if most == resource.RLIM_INFINITY else min(amount, most), most))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
