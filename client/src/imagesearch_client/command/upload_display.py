"""Shows how an upload goes, and tells how it went: counts, and the first failures of each code."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from imagesearch_client.command.output import printable
from imagesearch_client.display import LINE_SECONDS
from imagesearch_client.errors import Unavailable
from imagesearch_client.folder_upload import Delivery, Outcome, Walk

FAILURES_SHOWN = 3
"""Of each code; `--json` tells of all."""


@dataclass
class Tally:
    """Count what became of files; it stays small however many there are."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    examples: defaultdict[str, list[Delivery]] = field(default_factory=lambda: defaultdict(list))

    @property
    def failed(self) -> int:
        """Count the files that are not there."""
        return self.outcomes[Outcome.FAILED]

    def add(self, delivery: Delivery) -> None:
        """Count one file."""
        self.outcomes[delivery.outcome] += 1
        if delivery.code is not None:
            self.codes[delivery.code] += 1
            if self.codes[delivery.code] <= FAILURES_SHOWN:
                self.examples[delivery.code].append(delivery)

    def __str__(self) -> str:
        return ", ".join(f"{self.outcomes[outcome]:,} {outcome}" for outcome in Outcome)


class UploadDisplay:
    """Show an upload on stderr: one line that changes on a terminal, a line now and then anywhere else."""

    def __init__(self, console: Console, walk: Walk, clock: Callable[[], float] = time.monotonic) -> None:
        """Show nothing yet; the clock is in seconds."""
        self.tally = Tally()
        self._console = console
        self._walk = walk
        self._clock = clock
        self._printed_at = clock()
        self._away = False
        self._progress: Progress | None = None
        if console.is_terminal and not console.is_dumb_terminal:
            self._progress = Progress(
                SpinnerColumn(), TextColumn("{task.description}", markup=False), console=console, transient=True
            )
            self._task = self._progress.add_task("looking", total=None)

    def __enter__(self) -> UploadDisplay:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, delivery: Delivery) -> None:
        """Count one file, and show how far it is."""
        self.tally.add(delivery)
        line = f"{self._walk.found:,} found{'' if self._walk.is_done else ' so far'}, {self.tally}"
        if self._progress is not None:
            self._progress.update(self._task, description=line)
        elif self._away or self._clock() >= self._printed_at + LINE_SECONDS:
            self._print(line)
        self._away = False

    def show_pause(self, reason: Unavailable, _: float) -> None:
        """Say once, until something goes on, that the API is away."""
        if not self._away:
            self._away = True
            line = f"{reason}; asking again"
            if self._progress is not None:
                self._progress.update(self._task, description=line)
            else:
                self._print(line)

    def report(self, *, is_whole: bool, to_stderr: bool) -> None:
        """Print what became of the files, and why some failed.

        Args:
            is_whole: there was no file that nobody looked at.
            to_stderr: stdout is for something else.
        """
        if self._progress is not None:
            self._progress.stop()
        left_out = [
            f"{count:,} {what} left out"
            for count, what in ((self._walk.links, "links"), (self._walk.others, "other files"))
            if count
        ]
        click.echo(", ".join([str(self.tally), *left_out]), err=to_stderr)
        for code, count in sorted(self.tally.codes.items()):
            click.echo(f"  {printable(code)}: {count:,}", err=True)
            for failure in self.tally.examples[code]:
                click.echo(f"    {printable(failure.path)}: {printable(failure.reason)}", err=True)
        if not is_whole:
            click.echo("Stopped; what was sent stays. Run it again to go on.", err=True)

    def _print(self, line: str) -> None:
        self._printed_at = self._clock()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
