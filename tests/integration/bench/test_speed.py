"""What `make bench` measures of the indexer works, beside the least that it is compared with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.sizes import QUICK
from bench.speed.indexer import Place, lay_out, planning, walked, writing
from support.stores import Stores

pytestmark = pytest.mark.integration


@pytest.fixture
def place(stores: Stores, tmp_path: Path) -> Place:
    sizes = replace(QUICK, planned=600, plans=1, batches=2, index_rounds=1)
    folder = tmp_path / "library"
    folder.mkdir()
    return Place(stores.create_database(), stores.redis, stores.milvus.milvus_uri, folder, sizes)


def test_planning_is_measured_of_new_files_and_of_known_ones(place: Place) -> None:
    found = planning(place)
    assert set(found) == {"plan_new", "plan_unchanged"}
    assert all(min(ratio.over + ratio.under) > 0 for ratio in found.values())


def test_writing_is_measured_of_as_many_rows_as_are_said(place: Place) -> None:
    found = writing(place)
    assert (len(found.each), min(found.over + found.under) > 0) == (1, True)


def test_the_least_looks_at_every_file(tmp_path: Path) -> None:
    lay_out(tmp_path / "laid", 501)
    paths = walked(tmp_path / "laid")
    assert sorted(path.rpartition("/")[2] for path in paths) == [f"{number:09}.jpg" for number in range(501)]
