"""With all its rules the protocol holds when any three act at once, on a file that changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from model.explore import explore
from model.kinds import COARSE, FAULTS, companies
from model.rules import Setup

TRIPLES = [
    pytest.param(
        Setup(actors, changes=1, extracts=extracts, faults=FAULTS, merged=COARSE),
        id=" and ".join(actors) + (", extracting" if extracts else ""),
    )
    for actors in companies(3)
    for extracts in ((False, True) if "builder" in actors else (False,))
]


@pytest.mark.parametrize("setup", TRIPLES)
def test_three_at_once_leave_nothing_wrong(setup: Setup, tell: Callable[..., None]) -> None:
    result = explore(setup)
    tell(result)
    assert result.problem == "", str(result)
