"""Two writers beside everybody else, step by step: `make test` takes steps together that nobody comes between."""

from __future__ import annotations

import pytest

from model.explore import explore
from model.kinds import CRASH, FREEZE, PRIVATE
from model.rules import Setup

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]


@pytest.mark.parametrize("extracts", [False, True], ids=["a build that copies", "a build that extracts"])
@pytest.mark.parametrize("faults", [CRASH, FREEZE], ids=["a crash", "a freeze"])
def test_every_order_of_all_their_steps_leaves_nothing_wrong(faults: frozenset[str], *, extracts: bool) -> None:
    actors = ("writer", "writer", "deleter", "sweeper", "builder")
    result = explore(Setup(actors, changed=True, merged=PRIVATE, faults=faults, extracts=extracts))
    assert result.problem == "", str(result)
