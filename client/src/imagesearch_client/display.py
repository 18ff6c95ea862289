"""Shows a job's progress until it ends: a bar on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from imagesearch_client.blocking.client import Client
from imagesearch_client.errors import Unavailable
from imagesearch_client.jobs import Job
from imagesearch_client.wording import MOVING, duration, pace, standing

POLL_SECONDS = 0.5
LINE_SECONDS = 10.0
"""A log wants a line often enough to see life and rarely enough to be read."""
LINE_SHARE = 0.1
"""Of the job: short jobs get a line per tenth, whatever the clock says."""


class Display(Protocol):
    """Show how a job stands."""

    def show(self, job: Job) -> None:
        """Show a job as it stands now."""

    def show_pause(self, reason: Unavailable, seconds: float) -> None:
        """Show that the API is away and will be asked again."""


def show_progress(
    client: Client,
    job_id: str,
    console: Console,
    *,
    poll_seconds: float = POLL_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Job:
    """Show a job's progress on the console until it has ended, and return it.

    Raises what `Client.wait` raises; KeyboardInterrupt leaves the job running and the console clean.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        return _follow(client, job_id, Lines(console, clock), poll_seconds)
    with Bar(console) as bar:
        return _follow(client, job_id, bar, poll_seconds)


def _follow(client: Client, job_id: str, display: Display, poll_seconds: float) -> Job:
    return client.wait(job_id, display.show, poll_seconds=poll_seconds, on_unavailable=display.show_pause)


class Lines:
    """Print a line when the state changes, a tenth is done or some seconds have passed."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._state: str | None = None
        self._share = 0.0
        self._printed_at = 0.0
        self._line = ""
        self._away = False

    def show(self, job: Job) -> None:
        """Print a line if there is something new to say."""
        share = job.done / job.total if job.total else 0.0
        due = (
            self._away
            or job.state != self._state
            or share >= self._share + LINE_SHARE
            or self._clock() >= self._printed_at + LINE_SECONDS
        )
        line = standing(job)
        self._away = False
        if due and line != self._line:
            self._line, self._state, self._share = line, job.state, share
            self._print(line)

    def show_pause(self, reason: Unavailable, seconds: float) -> None:
        """Print why the API is away, once until it is back."""
        if not self._away:
            self._away = True
            self._line = ""
            self._print(f"{reason}; asking again")

    def _print(self, line: str) -> None:
        self._printed_at = self._clock()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Bar:
    """Draw a progress bar with pace, time left and failures; use it in a ``with`` block."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[counts]}", markup=False),
            TextColumn("{task.fields[pace]}", markup=False, style="cyan"),
            TextColumn("{task.fields[left]}", markup=False),
            TextColumn("{task.fields[failed]}", markup=False, style="red"),
            console=console,
            expand=True,
        )
        self._task = self._progress.add_task("waiting", total=None, counts="", pace="", left="", failed="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, job: Job) -> None:
        """Redraw the bar."""
        going = job.state in MOVING and not job.ended
        self._progress.update(
            self._task,
            description="stalled" if job.stalled else job.state.replace("_", " "),
            # A total that still grows would let the bar run backwards: it pulses until planning is over.
            total=None if job.state == "planning" else max(job.total, 1),
            completed=job.done if job.total or not job.ended else 1,
            counts=f"{job.done}/{job.total}",
            pace=pace(job.rate) if going and job.rate else "",
            left=f"{duration(job.eta_seconds)} left" if going and job.eta_seconds is not None else "",
            failed=f"{job.failed} failed" if job.failed else "",
        )

    def show_pause(self, reason: Unavailable, seconds: float) -> None:
        """Say in the bar that the API is away."""
        self._progress.update(self._task, description="away, asking again", pace="", left="")
