"""Measure every figure: `make bench PHOTOS=DIR WEIGHTS=FILE`, or `make bench-quick`; README.md says how.

WEIGHTS_INT8 names the same weights in 8 bits, FIGURES some of the figures, RESULTS a file that takes JSON lines.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from pathlib import Path

from bench.board import Board
from bench.ground import Ground, NotMeasured, be_quiet
from bench.options import Options, WrongOption
from bench.speed.measures import MEASURES
from imagesearch_extractor.cpu import prepare_process


def main() -> int:
    """Measure and print; return 1 where a goal was missed or a figure is lacking, 2 for bad settings."""
    try:
        options = Options.of(os.environ)
    except WrongOption as error:
        print(error, file=sys.stderr)
        return 2
    be_quiet()
    prepare_process()
    board = Board(options.results)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as resources:
        ground = Ground(options, board, Path(name).resolve(), resources)
        for names, measure in MEASURES.items():
            if not options.wants(names):
                continue
            began = time.monotonic()
            try:
                measure(ground)
            except NotMeasured as reason:
                board.broke(names, str(reason))
            except Exception as error:  # noqa: BLE001 - the other figures are measured all the same
                traceback.print_exc()
                board.broke(names, f"{type(error).__name__} {str(error)[:80]!r}")
            board.note("took", figures="+".join(names), seconds=round(time.monotonic() - began, 1))
    print(f"\n{board.table()}\n")
    for name in board.missed:
        print(f"missed: {name}")
    for name, why in board.failed.items():
        print(f"not measured: {name}: {why}")
    return board.status()


if __name__ == "__main__":
    sys.exit(main())
