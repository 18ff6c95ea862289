"""Which changes need a round before the last one, decided without a store."""

from __future__ import annotations

import pytest

from imagesearch_indexer.reindex.changes import needs_round


@pytest.mark.parametrize(
    ("changed", "extracts", "expected"),
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
    changed: int, extracts: bool, expected: bool
) -> None:
    assert needs_round(changed, limit=10, extracts=extracts) is expected
