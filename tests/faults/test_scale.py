"""A job of very many paths: planning streams, and neither the planner nor Redis grows with the job."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

import pytest

from support.faults.living import Living, StartStack
from support.faults.scoreboard import Scoreboard
from support.faults.verdict import judge
from support.waiting import until

MEGABYTE = 1024 * 1024
MAX_MEMORY_BYTES = 300 * MEGABYTE
FOLDER_FILES = 5_000


@pytest.fixture(scope="module")
def stack(start_stack: StartStack) -> Living:
    return start_stack(
        READ_NOTHING="1", BATCH_SIZE="128", WINDOW="8", PLAN_SLICE="2000", LEASE_SECONDS="30", SWEEP_SECONDS="60"
    )


def lay_out(folder: Path, files: int) -> list[Path]:
    """Make so many empty files."""
    paths = []
    for index in range(files):
        path = folder / f"{index // FOLDER_FILES:04}" / f"{index:07}.jpg"
        if index % FOLDER_FILES == 0:
            path.parent.mkdir(parents=True)
        path.touch()
        paths.append(path)
    return paths


class Peaks:
    """Keep the most memory that was seen, and how long the process endpoint took."""

    def __init__(self, stack: Living) -> None:
        self._stack = stack
        self.planner = self.redis = 0
        self.seconds: list[float] = []

    def look(self) -> None:
        self.planner = max(self.planner, self._stack.memory("indexer"))
        self.redis = max(self.redis, self._stack.memory("valkey"))
        begun = time.perf_counter()
        assert self._stack.http.get("/api/v1/process").status_code == 200
        self.seconds.append(time.perf_counter() - begun)

    def __str__(self) -> str:
        return (
            f"planner {self.planner / MEGABYTE:.0f} MB, Valkey {self.redis / MEGABYTE:.0f} MB, "
            f"process endpoint {statistics.median(self.seconds) * 1000:.1f} ms (median of {len(self.seconds)})"
        )


def watch(stack: Living, folder: Path, enough: str, files: int) -> tuple[Peaks, str]:
    """Submit a job through the published interface and look until `enough` of it counts all files."""
    peaks = Peaks(stack)
    assert stack.http.post("/api/v1/train", json={"File": str(folder), "Table": "many"}).status_code == 200
    job_id = str(stack.http.get("/api/v2/jobs", params={"limit": 1}).json()["items"][0]["id"])

    def reached() -> bool:
        peaks.look()
        return int(stack.job(job_id)[enough]) >= files

    until(reached, seconds=3_000, output=stack.output)
    return peaks, job_id


@pytest.mark.e2e
def test_a_job_of_many_paths_ends_right_in_bounded_memory(
    stack: Living, scoreboard: Scoreboard, library: Path
) -> None:
    paths = lay_out(library / "many", 4_000)
    peaks, job_id = watch(stack, library / "many", "indexed", len(paths))
    assert stack.wait_ended(job_id)["state"] == "succeeded"
    verdict = judge(stack, "many", [job_id], paths, samples=0, reads=False)
    scoreboard.add(f"{len(paths):,} paths", verdict, 0)
    scoreboard.notes.append(f"{len(paths):,} paths: {peaks}")
    assert max(peaks.planner, peaks.redis) < MAX_MEMORY_BYTES


@pytest.mark.faults
@pytest.mark.timeout(3_600)
def test_a_million_paths_are_planned_in_bounded_memory_and_cancelled_whole(
    stack: Living, scoreboard: Scoreboard, library: Path
) -> None:
    files = int(os.environ.get("SCALE_PATHS", "1000000"))
    lay_out(library / "million", files)
    peaks, job_id = watch(stack, library / "million", "total", files)
    assert stack.control(job_id, "cancel") == 200
    job = stack.wait_ended(job_id)
    scoreboard.notes.append(f"{files:,} paths: {peaks}")
    assert job["indexed"] + job["cancelled"] == job["total"] == files
    assert max(peaks.planner, peaks.redis) < MAX_MEMORY_BYTES
