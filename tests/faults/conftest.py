"""Pictures, stacks and the table that the fault tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from living import Living, StartStack
from scoreboard import Scoreboard

from drawing import photo_like

SCOREBOARD = pytest.StashKey[Scoreboard]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SCOREBOARD] = Scoreboard()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    board = config.stash[SCOREBOARD]
    if board.lines:
        terminalreporter.section("faults")
        for line in board.table():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def scoreboard(pytestconfig: pytest.Config) -> Scoreboard:
    return pytestconfig.stash[SCOREBOARD]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory under which every picture of these tests lies."""
    return tmp_path_factory.mktemp("library").resolve()


@pytest.fixture(scope="session")
def album(library: Path) -> list[Path]:
    """Two hundred small drawn pictures, no two alike."""
    folder = library / "album"
    folder.mkdir()
    paths = [folder / f"{place:03}.jpg" for place in range(200)]
    for seed, path in enumerate(paths):
        photo_like(seed, (96, 72)).save(path)
    return paths


@pytest.fixture(scope="module")
def start_stack(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[StartStack]:
    started: list[Living] = []

    def start(*, real: bool = False, **environment: str) -> Living:
        made = Living(tmp_path_factory.mktemp("stack"), library, real=real, **environment)
        started.append(made)
        made.start()
        return made

    yield start
    assert [stack.stop() for stack in started] == [0] * len(started)
