"""One round: a job, something that happens in the middle of it, and the judgement of what is left."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from support.faults.living import Living
from support.faults.scoreboard import Scoreboard
from support.faults.verdict import judge

Harm = Callable[[], object]


def seeded() -> random.Random:
    """Return a source of moments that `FAULT_SEED` repeats."""
    return random.Random(int(os.environ.get("FAULT_SEED", "1")))  # noqa: S311 - moments, not secrets


@dataclass
class Rounds:
    """Run jobs over the same pictures, and do something to each.

    Attributes:
        pick: draws the moments; seeded, so that a round can be repeated.
    """

    stack: Living
    board: Scoreboard
    album: Sequence[Path]
    pick: random.Random

    def run(self, fault: str, *harms: Harm, rounds: int = 1, latest: float = 0.75) -> str:
        """Begin a job, do each harm at a random moment of it, wait for its end, judge, and return the job's id.

        No harm is drawn for a moment when more than the part `latest` of the pictures is done. The time to recover
        runs from the last harm to the end of the job.
        """
        collection = f"c{uuid4().hex[:12]}"
        job_id = self.stack.submit(str(self.album[0].parent), collection)
        moments = sorted(self.pick.sample(range(5, int(len(self.album) * latest)), len(harms)))
        harmed = time.monotonic()
        for moment, harm in zip(moments, harms, strict=True):
            self.stack.wait_done(job_id, moment)
            harmed = time.monotonic()
            harm()
        job = self.stack.wait_ended(job_id)
        seconds = time.monotonic() - harmed
        self.stack.wait_ready()
        self.stack.wait_catalog()
        self.board.add(fault, judge(self.stack, collection, [job_id], self.album), seconds, rounds)
        assert (job["state"], job["indexed"]) == ("succeeded", len(self.album))
        return job_id
