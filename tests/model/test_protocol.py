"""With all its rules the protocol holds, whoever acts at once: one, two, and all who write and remove."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from model.explore import Result, explore
from model.kinds import COARSE, COARSEST, CRASH, FAULTS, FREEZE, LOSE, companies
from model.rules import Setup

EVERYBODY = ("writer", "labels", "deleter", "sweeper", "builder")


def setups(actors: tuple[str, ...]) -> Iterator[Setup]:
    """Yield on what the actors are let loose: each file, each way to build, each fault."""
    for extracts in (False, True) if "builder" in actors else (False,):
        yield Setup(actors, extracts=extracts, changes=1, again="deleter" in actors, faults=FAULTS)
        yield Setup(actors, extracts=extracts, changes=1, indexed=False, faults=FAULTS)
        yield Setup(actors, extracts=extracts, changes=1, unreadable=True, faults=FAULTS)
        yield Setup(actors, extracts=extracts, changes=2)
        yield Setup(actors, extracts=extracts, changes=1, faults=LOSE)


@pytest.mark.parametrize("actors", [*companies(1), *companies(2)], ids=" and ".join)
def test_one_or_two_at_once_leave_nothing_wrong(actors: tuple[str, ...], tell: Callable[..., None]) -> None:
    results = [explore(setup) for setup in setups(actors)]
    tell(Result(sum(result.states for result in results)))
    for result in results:
        assert result.problem == "", str(result)


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param(Setup(EVERYBODY, changed=True, merged=COARSE), id="copying"),
        pytest.param(Setup(EVERYBODY, changed=True, merged=COARSEST, faults=CRASH), id="copying, a crash"),
        pytest.param(Setup(EVERYBODY, changed=True, merged=COARSEST, faults=FREEZE), id="copying, a freeze"),
        pytest.param(
            Setup(EVERYBODY, changed=True, merged=COARSEST, extracts=True, faults=CRASH), id="extracting, a crash"
        ),
        pytest.param(
            Setup(("writer", *EVERYBODY[:1], *EVERYBODY[2:]), changed=True, merged=COARSEST, faults=FREEZE),
            id="two writers, a freeze",
        ),
    ],
)
def test_all_at_once_leave_nothing_wrong(setup: Setup, tell: Callable[..., None]) -> None:
    result = explore(setup)
    tell(result)
    assert result.problem == "", str(result)
