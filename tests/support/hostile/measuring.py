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
from support.hostile.claims import Claim, claim
from support.hostile.honest import honest

MAX_RATIO = 10
NOISE_SECONDS = 0.002
"""What is not told apart from the machine's own doings: the first touch of new memory, or a cache that another
program has emptied, adds up to a millisecond or two to any file. The clock itself counts nanoseconds."""
MAX_PIXELS = 4_000_000
MEMORY = 384 * 1024 * 1024
"""What decoding may take on top of the started process: 4 megapixels are 16 MB a copy, files are up to 16 MB."""
HANG_SECONDS = 20
MAX_RUNS, NO_NOISE = 5, 2
"""How often a file is measured before it is found too dear, and how many times the bound are so also after two."""
SMALL = Claim((160, 120))
_MAX_SIDES = {"JPEG": 65_500, "GIF": 65_535, "WEBP": 16_383, "HEIF": 8_192, "AVIF": 16_384}
"""What a format's header has room for."""
_TESTS = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold what decoding one file came to.

    Attributes:
        outcome: `picture`, the code of a refusal, `raised` for any other exception, `died`.
        seconds: CPU of decoding, and of the thumbnail.
        reason: of a refusal or an exception.
    """

    outcome: str
    seconds: tuple[float, float]
    reason: str = ""

    def least(self, other: Cost) -> Cost:
        """Return the same with the shorter of both times; nothing makes a measurement too short."""
        first, second = zip(self.seconds, other.seconds, strict=True)
        return Cost(self.outcome, (min(first), min(second)), self.reason)


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
        return Cost(answer["outcome"], (answer["seconds"][0], answer["seconds"][1]), answer.get("reason", ""))

    def restart(self) -> None:
        """Decode what follows in a process that has decoded nothing yet."""
        self._end()

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


def complaint(decoder: Decoder, data: bytes) -> str:
    """Return what is wrong with what a file costs, empty where nothing is.

    Decoding is held against decoding and a thumbnail against a thumbnail, of an honest file with the same bytes
    and the pixels of the header, whether the file is refused or not. Where the header claims more than is decoded,
    or makes no sense, it is a small picture.
    """
    cost = decoder.decode(data)
    if cost.outcome in ("raised", "died"):
        return f"{cost.outcome} {cost.reason}"
    if "memory" in cost.reason:
        return "takes more memory than there is"
    if _is_within(cost, (0, 0)):
        return ""
    name = sniff(data) or "JPEG"
    claimed = claim(name, data)
    usual_file = honest(name, claimed if claimed and _is_drawn(name, claimed) else SMALL, len(data))
    usual = decoder.decode(usual_file)
    assert usual.outcome == "picture", usual
    for run in range(MAX_RUNS):
        if _is_within(cost, usual.seconds):
            return ""
        if run and not _is_within(cost, usual.seconds, NO_NOISE):
            break
        if run == MAX_RUNS - 2:
            # What thousands of files have left behind in a process is not this one's cost either.
            decoder.restart()
        cost, usual = cost.least(decoder.decode(data)), usual.least(decoder.decode(usual_file))
    return f"{cost.outcome} costs {cost.seconds} s, an honest file {usual.seconds} s"


def _is_within(cost: Cost, usual: tuple[float, float], times: float = 1) -> bool:
    bounds = (times * (NOISE_SECONDS + MAX_RATIO * least) for least in usual)
    return all(spent <= bound for spent, bound in zip(cost.seconds, bounds, strict=True))


def _is_drawn(name: str, claimed: Claim) -> bool:
    width, height = claimed.size
    is_written = max(width, height) <= _MAX_SIDES.get(name, MAX_PIXELS)
    return min(width, height) >= 2 and width * height <= MAX_PIXELS and is_written
