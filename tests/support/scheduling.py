"""What the processes of one test run take in one piece, and in which order."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/e2e/networks/", "tests/e2e/", "tests/unit/extractor/")
"""Folders whose files share what is costly to start: a whole system, networks."""
ORDER = ("tests/e2e/", "tests/faults/", "tests/integration/", "tests/")
"""What takes longest begins first: what is left at the end is short."""


def piece_of(nodeid: str) -> str:
    """Return what is run by one process: a file, because its fixtures are made once, or a folder."""
    path = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(folder)), path)


def place_of(nodeid: str) -> int:
    """Return how early a test begins; the smaller, the earlier."""
    return next(place for place, folder in enumerate(ORDER) if nodeid.startswith(folder))


class Pieces(LoadScopeScheduling):
    """Give each process a piece when it has nearly done its last one."""

    def _split_scope(self, nodeid: str) -> str:
        return piece_of(nodeid)
