"""Load a network from a file, of ONNX ones after a trial in a process of its own, which has limits.

A file of a hundred bytes may ask for any amount of memory or time: a constant that is folded while the graph is
opened, or a tensor that is made larger while it runs. Nothing inside a process can end that.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.confined import EX_DATAERR, confine, run_confined
from imagesearch_extractor.file_network import FileNetwork, open_network
from imagesearch_extractor.weight_files import named_file

SUFFIXES: Final = (".onnx", ".keras")
CPU_SECONDS = 600
"""VGG16 takes six in float32."""
MEMORY_BYTES = 6 << 30
"""Of addresses, beside four times the file: its bytes, what they are parsed to, the graph without other outputs
and what ONNX Runtime makes of it. VGG16 runs 16 pictures in one of these six."""


def load_file_network(setting: str, *, sha256: str, compute_batch: int) -> FileNetwork:
    """Open the network that lies in a file, with its description beside it.

    Args:
        setting: path of an ONNX file, or of a whole model that Keras saved as ``.keras``.
        sha256: what the file's digest has to be, 64 hex digits; empty looks at none.
        compute_batch: pictures in one pass.

    Raises:
        WeightsUnavailable: it cannot be used; the message is one line.
    """
    choices = f"NETWORK=file takes {' or '.join(SUFFIXES)} files"
    path = named_file(setting, choices)
    if path.suffix not in SUFFIXES:
        raise WeightsUnavailable(f"WEIGHTS={setting}: {choices}")
    if path.suffix == ".onnx":
        # What was tried is opened: another file of the same name may come in between.
        sha256 = try_confined(path, sha256, compute_batch=compute_batch)
    return open_network(path, sha256=sha256, compute_batch=compute_batch)


def try_confined(path: Path, sha256: str, *, compute_batch: int, cpu_seconds: int = CPU_SECONDS) -> str:
    """Open a network, run the passes of `FileNetwork.warm_up`, and return the digest of the file that was tried.

    Args:
        path: of an ONNX file with its description beside it.
        sha256: what its digest has to be; empty looks at none.
        compute_batch: pictures in one pass.
        cpu_seconds: after which it counts as unusable.

    Raises:
        WeightsUnavailable: it cannot be used; the message is one line.
    """
    return run_confined(__name__, path, (sha256, str(compute_batch)), cpu_seconds=cpu_seconds)


def main(path: str, cpu_seconds: str, sha256: str, compute_batch: str) -> int:
    """Try a network within limits, and print its digest, or say in one line why it cannot be used.

    Args:
        path: of the file.
        cpu_seconds: after which this process is ended.
        sha256: what its digest has to be; empty looks at none.
        compute_batch: pictures in one pass.
    """
    confine(int(cpu_seconds), MEMORY_BYTES + 4 * Path(path).stat().st_size)
    try:
        network = open_network(Path(path), sha256=sha256, compute_batch=int(compute_batch))
        network.warm_up()
    except WeightsUnavailable as error:
        sys.stdout.write(str(error))
        return EX_DATAERR
    sys.stdout.write(network.sha256)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
