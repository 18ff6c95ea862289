"""In which phase a build is by what it lacks, and whether that needs a round, decided without a store."""

from __future__ import annotations

import pytest

from imagesearch.catalog.states import BuildPhase
from imagesearch_indexer.reindex.builder import needs_round, phase_of


@pytest.mark.parametrize(
    ("lacking", "limit", "last_round", "phase"),
    [
        (0, 50, 32, BuildPhase.LAST_ROUND),
        (32, 50, 32, BuildPhase.LAST_ROUND),
        (33, 50, 32, BuildPhase.CATCHING_UP),
        (20, 20, 32, BuildPhase.CATCHING_UP),
        (19, 20, 32, BuildPhase.LAST_ROUND),
    ],
)
def test_everybody_waits_only_for_as_few_pictures_as_one_round_holds(
    lacking: int, limit: int, last_round: int, phase: BuildPhase
) -> None:
    assert phase_of(lacking, limit=limit, last_round=last_round) is phase


@pytest.mark.parametrize(
    ("lacking", "extracts", "expected"),
    [
        (0, False, False),
        (9, False, False),
        (10, False, True),
        (0, True, False),
        (1, True, True),
        (10, True, True),
    ],
)
def test_the_last_round_copies_few_vectors_and_extracts_nothing(
    lacking: int, extracts: bool, expected: bool
) -> None:
    assert needs_round(lacking, limit=10, extracts=extracts) is expected
