"""Times of files that no catalogue of 64 bits could hold."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from imagesearch.files.facts import mtime_ns

TOP = 2**63


def stats(nanoseconds: int) -> os.stat_result:
    return cast(os.stat_result, SimpleNamespace(st_mtime_ns=nanoseconds))


@pytest.mark.parametrize("time", [0, 1, -1, 1_700_000_000_123_456_789, TOP - 1, -TOP])
def test_a_time_of_64_bits_is_kept(time: int) -> None:
    assert mtime_ns(stats(time)) == time


@pytest.mark.parametrize("time", [TOP, 2 * TOP + 5, 2**40 * 10**9, -TOP - 1, -(2**40) * 10**9])
def test_a_time_beyond_64_bits_fits_and_its_changes_still_show(time: int) -> None:
    found = mtime_ns(stats(time))
    assert -TOP <= found < TOP
    assert mtime_ns(stats(time + 1)) != found


def test_a_real_file_of_a_far_year_has_a_time_that_fits(tmp_path: Path) -> None:
    file = tmp_path / "far.jpg"
    file.touch()
    # Where the file system cannot hold it, it takes the latest that it can.
    os.utime(file, (2**36, 2**36))
    assert -TOP <= mtime_ns(file.stat()) < TOP
