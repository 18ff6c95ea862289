"""Run a program on a host whose clock is wrong by `CLOCK_AHEAD` seconds: `python clocked.py PROGRAM ...`."""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections.abc import Callable


def wrong_by(seconds: float, right: Callable[[], float]) -> Callable[[], float]:
    """Return a clock that is so many seconds ahead of another one."""

    def now() -> float:
        # gRPC adds its timeouts to this and hands the sum to C code, which reads the kernel's clock.
        is_asked_by_grpc = sys._getframe(1).f_globals.get("__name__", "").startswith("grpc")
        return right() + (0.0 if is_asked_by_grpc else seconds)

    return now


if __name__ == "__main__":
    # Before anything is imported that takes the clock for its own, as Kombu does.
    time.time = wrong_by(float(os.environ["CLOCK_AHEAD"]), time.time)
    program = sys.argv[1]
    sys.argv = sys.argv[1:]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
