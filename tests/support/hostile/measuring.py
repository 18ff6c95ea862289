"""Measure what pictures cost in a process of their own, against honest ones of the same bytes and pixels."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from imagesearch.pictures.formats import sniff
from support.hostile.honest import honest

MAX_RATIO = 10
FLOOR_SECONDS = 0.05
"""Less than this is not held against a file: an honest one of the same size may cost a millisecond."""
MAX_PIXELS = 4_000_000
MEMORY = 384 * 1024 * 1024
"""What decoding may take on top of the started process: 4 megapixels are 16 MB a copy, files are up to 16 MB."""
HANG_SECONDS = 20
_TESTS = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold what decoding one file came to.

    Attributes:
        outcome: `picture`, the code of a refusal, `raised` for any other exception, `died`.
        size: width and height, where it is a picture.
        seconds: CPU of decoding, and of the thumbnail.
    """

    outcome: str
    seconds: tuple[float, float]
    size: tuple[int, int] | None = None
    reason: str = ""


class Decoder:
    """Decode files in a child process with limits on memory and CPU."""

    def __init__(self, *, checks: bool = True) -> None:
        """Prepare a child; without `checks` it does not look at structures first."""
        self._checks = checks
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def decode(self, data: bytes) -> Cost:
        """Return what a file costs."""
        child = self._child or self._start()
        assert child.stdin
        assert child.stdout
        try:
            child.stdin.write(struct.pack("<I", len(data)) + data)
            child.stdin.flush()
            line = child.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            self._end()
            return Cost("died", (HANG_SECONDS, HANG_SECONDS))
        answer = json.loads(line)
        size = answer.get("size")
        return Cost(
            answer["outcome"],
            (answer["seconds"][0], answer["seconds"][1]),
            (size[0], size[1]) if size else None,
            answer.get("reason", ""),
        )

    def _start(self) -> subprocess.Popen[bytes]:
        words = [MAX_PIXELS, MEMORY, HANG_SECONDS, int(self._checks)]
        self._child = subprocess.Popen(
            [sys.executable, "-m", "support.hostile.decoding", *map(str, words)],
            cwd=_TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self._child

    def _end(self) -> None:
        if self._child:
            self._child.kill()
            self._child.wait()
            for stream in (self._child.stdin, self._child.stdout):
                if stream:
                    stream.close()
            self._child = None


def complaint(decoder: Decoder, data: bytes, pixels: tuple[int, int]) -> str:
    """Return what is wrong with what a file costs, empty where nothing is.

    Args:
        decoder: decodes it, and the honest file.
        data: the file.
        pixels: width and height of the honest file where this one is refused.
    """
    cost = decoder.decode(data)
    if cost.outcome in ("raised", "died"):
        return f"{cost.outcome} {cost.reason}"
    if "memory" in cost.reason:
        return "takes more memory than there is"
    if max(cost.seconds) <= FLOOR_SECONDS:
        return ""
    usual = decoder.decode(honest(sniff(data) or "JPEG", *(cost.size or pixels), len(data)))
    most = max(FLOOR_SECONDS, MAX_RATIO * max(usual.seconds))
    for _ in range(4):
        # A busy machine makes a measurement longer, never shorter.
        again = decoder.decode(data)
        cost = Cost(cost.outcome, (min(cost.seconds[0], again.seconds[0]), min(cost.seconds[1], again.seconds[1])))
        if max(cost.seconds) <= most:
            return ""
    return f"costs {cost.seconds} s, an honest file {usual.seconds} s"
