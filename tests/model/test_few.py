"""With all its rules the protocol holds when one, two or three act at once, on every file and with every fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from model.explore import Result, explore
from model.kinds import COARSE, FAULTS, LOSE, companies
from model.rules import Setup


def setups(actors: tuple[str, ...]) -> Iterator[Setup]:
    """Yield on what the actors are let loose: each file, each way to build, each fault."""
    again = "deleter" in actors
    for extracts in (False, True) if "builder" in actors else (False,):
        # What comes before the fault is the same for each, and looked at once.
        yield Setup(actors, extracts=extracts, changes=1, again=again, faults=FAULTS if again else FAULTS | LOSE)
        yield Setup(actors, extracts=extracts, changes=1, indexed=False, faults=FAULTS)
        yield Setup(actors, extracts=extracts, changes=1, unreadable=True, faults=FAULTS)
        yield Setup(actors, extracts=extracts, changes=2)
        if again:
            yield Setup(actors, extracts=extracts, changes=1, faults=LOSE)


@pytest.mark.parametrize("actors", [*companies(1), *companies(2)], ids=" and ".join)
def test_one_or_two_at_once_leave_nothing_wrong(actors: tuple[str, ...], tell: Callable[[Result], None]) -> None:
    results = [explore(setup) for setup in setups(actors)]
    tell(Result(sum(result.states for result in results)))
    for result in results:
        assert result.problem == "", str(result)


TRIPLES = [
    pytest.param(
        Setup(actors, changes=1, extracts=extracts, faults=FAULTS, merged=COARSE),
        id=" and ".join(actors) + (", extracting" if extracts else ""),
    )
    for actors in companies(3)
    for extracts in ((False, True) if "builder" in actors else (False,))
]


@pytest.mark.parametrize("setup", TRIPLES)
def test_three_at_once_leave_nothing_wrong(setup: Setup, tell: Callable[[Result], None]) -> None:
    result = explore(setup)
    tell(result)
    assert result.problem == "", str(result)
