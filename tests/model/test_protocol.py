"""With all its rules the protocol holds when all who write and remove act at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from model.explore import Result, explore
from model.kinds import COARSE, COARSEST, CRASH, FREEZE
from model.rules import Setup

EVERYBODY = ("writer", "labels", "deleter", "sweeper", "builder")
WRITERS = ("writer", "writer", "deleter", "sweeper", "builder")
SETUPS = {
    "a build that copies": Setup(EVERYBODY, changed=True, merged=COARSE),
    "a build that copies, a crash": Setup(EVERYBODY, changed=True, merged=COARSEST, faults=CRASH),
    "a build that copies, a freeze": Setup(EVERYBODY, changed=True, merged=COARSEST, faults=FREEZE),
    "a build that extracts, a crash": Setup(EVERYBODY, changed=True, merged=COARSEST, faults=CRASH, extracts=True),
    "a build that extracts, a file that changes": Setup(EVERYBODY, changes=1, merged=COARSEST, extracts=True),
    "two writers, a build that copies, a crash": Setup(WRITERS, changed=True, merged=COARSEST, faults=CRASH),
    "two writers, a build that copies, a freeze": Setup(WRITERS, changed=True, merged=COARSEST, faults=FREEZE),
    "two writers, a build that extracts, a crash": Setup(
        WRITERS, changed=True, merged=COARSEST, faults=CRASH, extracts=True
    ),
    "two writers, a build that extracts, a freeze": Setup(
        WRITERS, changed=True, merged=COARSEST, faults=FREEZE, extracts=True
    ),
}
"""With a fault the file has changed before anybody acts: that it changes as well is looked at with fewer."""


@pytest.mark.parametrize("situation", SETUPS)
def test_all_at_once_leave_nothing_wrong(situation: str, tell: Callable[[Result], None]) -> None:
    result = explore(SETUPS[situation])
    tell(result)
    assert result.problem == "", str(result)
