"""Pictures, stacks and the table that the fault tests share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from support.drawing import encoded, photo_like
from support.faults.living import Living, StartStack
from support.faults.scoreboard import Scoreboard
from support.summary import LINES

SCOREBOARD = pytest.StashKey[Scoreboard]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SCOREBOARD] = Scoreboard()


def pytest_sessionfinish(session: pytest.Session) -> None:
    board = session.config.stash[SCOREBOARD]
    if board.lines or board.notes:
        session.config.stash[LINES] += board.table()


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
    paths = [folder / f"{index:03}.jpg" for index in range(200)]
    for seed, path in enumerate(paths):
        photo_like(seed, (96, 72)).save(path)
    return paths


@pytest.fixture(scope="module")
def start_stack(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[StartStack]:
    started: list[Living] = []

    def start(
        *, real: bool = False, disks: Mapping[str, int] = MappingProxyType({}), **environment: str
    ) -> Living:
        stop()  # one at a time: they share the machine's cores
        made = Living(tmp_path_factory.mktemp("stack"), library, real=real, disks=disks, **environment)
        started.append(made)
        made.start()
        return made

    def stop() -> None:
        if started:
            assert started.pop().stop() == 0

    yield start
    stop()


@pytest.fixture(scope="session")
def hard_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection of hard pictures beside the repository, or a few that are drawn where there is none."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "hard-images"
    if beside.is_dir():
        return beside
    folder = tmp_path_factory.mktemp("hard")
    whole = encoded(photo_like(7))
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no picture")
    (folder / "one pixel.png").write_bytes(encoded(photo_like(8, (1, 1)), "PNG"))
    return folder
