"""What `make bench-scale` measures works, and tells what each process takes."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from bench.report import Report
from bench.scale.__main__ import measure
from bench.scale.apart import measured, measured_apart
from bench.scale.operations import OPERATIONS
from bench.scale.stages import seeded
from support.stores import Stores

pytestmark = pytest.mark.integration

SERVERS = ("session", "valkey")


def test_every_operation_is_measured_on_a_small_catalogue(stores: Stores, tmp_path: Path) -> None:
    found = defaultdict[str, list[float]](list)
    measure(Report(), stores, (300, 200), tmp_path, found=found, measured=measured)
    for operation in OPERATIONS:
        assert len(found[operation.name]) == 1
        for who in ("worker", *SERVERS):
            assert min(found[f"{operation.name}: memory of {who}"]) > 2**20


def test_an_operation_in_a_process_of_its_own_has_memory_of_its_own(stores: Stores, tmp_path: Path) -> None:
    kept = b"x" * 2**28
    with seeded(stores, 100, 100, tmp_path) as (place, _):
        cost = measured_apart(place, OPERATIONS[0].name)
    assert cost.cpu > 0
    assert cost.peak < len(kept)
