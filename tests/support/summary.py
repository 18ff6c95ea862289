"""Lines that a run shows when it is over, whichever of its processes had them to say."""

from __future__ import annotations

from typing import Any

import pytest

LINES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LINES] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    # Only a process that works for another one has this; it is sent when the process is done.
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["summary"] = session.config.stash[LINES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # A process that died has sent nothing.
    node.config.stash[LINES] += getattr(node, "workeroutput", {}).get("summary", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[LINES]:
        terminalreporter.section("what was measured")
        for line in config.stash[LINES]:
            terminalreporter.write_line(line)
