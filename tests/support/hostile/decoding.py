"""Decode pictures in a process that is held to its limits, one after another, and say what each cost.

It is told a length and then a picture on its input, and answers with one line of JSON.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import struct
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagesearch.errors import PictureRejected
from imagesearch.pictures import decode
from imagesearch.pictures.structures.effort import Effort
from imagesearch.pictures.thumbnails import thumbnail
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings

PREPROCESSING = Preprocessing()


def cost_of(data: bytes, limits: PictureSettings) -> dict[str, Any]:
    """Decode a picture and make its thumbnail; return both outcomes and the seconds of CPU."""
    began = _spent()
    answer: dict[str, Any] = {}
    try:
        decode.decode(data, PREPROCESSING, limits)
        answer["outcome"] = "picture"
    except PictureRejected as rejected:
        answer |= {"outcome": rejected.code.value, "reason": rejected.reason}
    between = _spent()
    with suppress(PictureRejected):
        thumbnail(data, 256, limits)
    return answer | {"seconds": [between - began, _spent() - between]}


def _spent() -> float:
    """Return the seconds of CPU of all threads: HEVC is decoded in one of its own.

    The clock of the process says the same, and moves in steps of 4 ms under a limit.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Hold this process to its limits and answer until the input ends."""
    max_pixels, memory, seconds, checks = (int(text) for text in sys.argv[1:5])
    warnings.simplefilter("ignore")
    logging.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff complains there.
    if not checks:
        decode.structures.check = lambda *_: None  # type: ignore[assignment]
        Effort.check = lambda _: None  # type: ignore[method-assign]
    limits = PictureSettings(max_pixels=max_pixels)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + memory,) * 2)
    while head := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(struct.unpack("<I", head)[0])
        # The kernel ends a decoder that hangs, so that no test has to wait for it.
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(
            resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, resource.RLIM_INFINITY)
        )
        try:
            answer = cost_of(data, limits)
        except Exception as error:  # noqa: BLE001 - that nothing else is raised is what is tested.
            answer = {"outcome": "raised", "reason": repr(error), "seconds": [0.0, 0.0]}
        print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
