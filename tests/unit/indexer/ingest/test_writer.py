"""How much room a build leaves to the other jobs of its collection, decided without a store."""

from __future__ import annotations

import pytest

from imagesearch.catalog.reindex.builds import ThrottleLevel
from imagesearch_indexer.ingest.writer import in_flight_limit


@pytest.mark.parametrize(
    ("level", "limit"), [(ThrottleLevel.OPEN, None), (ThrottleLevel.REDUCED, 1), (ThrottleLevel.CLOSED, 0)]
)
def test_the_nearer_a_build_is_to_its_end_the_fewer_batches_others_send(
    level: ThrottleLevel, limit: int | None
) -> None:
    assert in_flight_limit(level) == limit
