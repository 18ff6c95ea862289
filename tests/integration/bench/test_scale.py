"""What `make bench-scale` measures works, and touches no more rows for a larger collection than it has to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.report import Report
from bench.scale.__main__ import laid, measure
from bench.scale.operations import OPERATIONS
from support.stores import Stores

pytestmark = pytest.mark.integration


def test_every_operation_is_measured_on_a_small_catalogue(stores: Stores, tmp_path: Path) -> None:
    costs: dict[str, list[float]] = {}
    for size in (100, 300):
        with laid(stores, size, tmp_path) as ground:
            measure(Report(), ground, costs)
    assert {name: len(found) for name, found in costs.items()} == {each.name: 2 for each in OPERATIONS}
