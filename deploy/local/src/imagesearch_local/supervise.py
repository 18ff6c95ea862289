"""Run supervisord inside this process, so that its events reach us without a detour.

An event listener process would get its events through a bounded buffer and lose some at the end; a
subscriber inside the process sees every line before the process that wrote it counts as ended.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

from supervisor import events
from supervisor.medusa import asyncore_25
from supervisor.options import ServerOptions
from supervisor.states import SupervisorStates
from supervisor.supervisord import Supervisor

from imagesearch_local.console import Console, Lines

MISCONFIGURED = os.EX_CONFIG
"""Exit status of a process that can never work as it is set up: starting it again changes nothing."""
ATTEMPTS = 3
"""Times that a program which should end well may fail."""
OWN_NAME = "stack"
LAST_WORDS_SECONDS = 2.0
"""Time for a slow reader to take the last lines."""


class _Options(ServerOptions):  # type: ignore[misc]  # supervisor has no type information
    """Notice how processes end; supervisord itself forgets the status of those that end quickly."""

    misconfigured: str | None = None

    def waitpid(self) -> tuple[int | None, int | None]:
        pid, status = super().waitpid()
        if pid and os.WIFEXITED(status) and os.WEXITSTATUS(status) == MISCONFIGURED and pid in self.pidhistory:
            self.misconfigured = self.pidhistory[pid].config.name
        return pid, status


class _Stack(Supervisor):  # type: ignore[misc]  # supervisor has no type information
    """Show what the processes write and do, and end when one of them never can work."""

    def __init__(self, options: _Options, console: Console, once: frozenset[str]) -> None:
        super().__init__(options)
        self._console = console
        self._once = once
        self._lines: dict[str, Lines] = {}
        self._failures: Counter[str] = Counter()
        self.reason: str | None = None

    def runforever(self) -> None:
        events.subscribe(events.ProcessLogEvent, self._on_output)
        events.subscribe(events.ProcessStateEvent, self._on_state)
        events.subscribe(events.Tick5Event, lambda _: self._console.drain())
        super().runforever()

    def reap(self, once: bool = False, recursionguard: int = 0) -> None:
        super().reap(once, recursionguard)
        if self.options.misconfigured:
            self._give_up(self.options.misconfigured, "cannot work as it is set up")

    def _on_output(self, event: events.ProcessLogEvent) -> None:
        name = event.process.config.name
        self._console.show(name, self._lines.setdefault(name, Lines()).feed(event.data))

    def _on_state(self, event: events.ProcessStateEvent) -> None:
        name = event.process.config.name
        if isinstance(event, events.ProcessStateStartingEvent):
            return
        if not isinstance(event, events.ProcessStateRunningEvent | events.ProcessStateStoppingEvent):
            self._console.show(name, self._lines.setdefault(name, Lines()).flush())
        if isinstance(event, events.ProcessStateFatalEvent) and self.options.mood > SupervisorStates.SHUTDOWN:
            self._give_up(name, "does not stay up")
        elif isinstance(event, events.ProcessStateExitedEvent) and not event.expected:
            self._failures[name] += 1
            if name in self._once and self._failures[name] >= ATTEMPTS:
                self._give_up(name, "fails every time")
        if self.options.misconfigured != name and (sentence := _sentence(event)):
            self._say(f"{name} {sentence}")

    def _give_up(self, name: str, why: str) -> None:
        if self.reason is None:
            self.reason = f"{name} {why}: {self._console.last_line.get(name, 'it wrote nothing')}"
            self._say(f"{name} {why}; stopping everything")
        self.options.mood = SupervisorStates.SHUTDOWN

    def _say(self, sentence: str) -> None:
        self._console.show(OWN_NAME, [sentence.encode()])


def _sentence(event: events.ProcessStateEvent) -> str | None:
    """Say what happened to a process, where a reader wants to know."""
    match event:
        case events.ProcessStateRunningEvent():
            return f"runs as process {event.process.pid}"
        case events.ProcessStateBackoffEvent():
            return "ended at once; it is started again"
        case events.ProcessStateExitedEvent():
            return "is done" if event.expected else "ended unasked; it is started again"
        case events.ProcessStateStoppedEvent():
            return "stopped"
    return None


def supervise(configuration: Path, console: Console, once: frozenset[str]) -> str | None:
    """Run the configured processes until a signal ends them, and return why if it was not a signal.

    Args:
        configuration: of supervisord.
        console: where their output goes.
        once: names of the programs that end by themselves.
    """
    # A shell starts background jobs with SIGINT ignored, and what is ignored stays so in every child; but
    # SIGINT is how some of them are stopped.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = _Options()
    options.realize(["-c", str(configuration)])
    options.first = True
    options.test = False
    stack = _Stack(options, console, once)
    try:
        stack.main()
    except asyncore_25.ExitNow:
        pass
    finally:
        options.close_httpservers()
        options.close_logger()
        console.drain(LAST_WORDS_SECONDS)
    return stack.reason
