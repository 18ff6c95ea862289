"""Minutes of files that were made worse, each held to its cost, its memory and an answer.

`SEEDS=folder` adds the files of a folder to those that are drawn; `FUZZ_MINUTES` and `FUZZ_SEED` say how long
and with which numbers. What is found is told and kept in `build/fuzz` at once: to make it smaller may take longer
than a run is given.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from imagesearch.pictures.formats import sniff
from support.hostile.bombs import BOMBS
from support.hostile.measuring import Decoder, complaint
from support.hostile.mutating import Change, changed, changes, seeds
from support.hostile.still_bombs import STILL_BOMBS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

ALL_BOMBS = BOMBS | STILL_BOMBS
MINUTES = float(os.environ.get("FUZZ_MINUTES", "10"))
MAX_BYTES = 16 * 1024 * 1024
ROUND = 200
KEPT = Path("build/fuzz")


def given_seeds() -> list[tuple[str, bytes]]:
    """Return the files of the folder that `SEEDS` names, as far as they begin as pictures."""
    folder = os.environ.get("SEEDS")
    files = sorted(Path(folder).rglob("*")) if folder else []
    found = [path.read_bytes() for path in files if path.is_file() and path.stat().st_size <= MAX_BYTES]
    return [(name, data) for data in found if (name := sniff(data))]


@pytest.mark.parametrize("kind", ALL_BOMBS)
def test_a_bomb_of_sixteen_megabytes_costs_no_more_than_ten_times_an_honest_file(kind: str) -> None:
    _, bomb = ALL_BOMBS[kind]
    with Decoder() as decoder:
        assert complaint(decoder, bomb(MAX_BYTES)) == ""


def test_the_files_of_a_folder_are_held_to_the_same_limits() -> None:
    with Decoder() as decoder:
        found = {name: complaint(decoder, data) for name, data in given_seeds()}
    assert not any(found.values()), found


def keep(number: int, data: bytes, wrong: str) -> str:
    """Keep a file that was found, and return what leads to it again."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return f"FUZZ_SEED={number} makes {path}, which {wrong}"


def test_no_change_to_a_file_makes_it_cost_more_or_fail_otherwise(capfd: pytest.CaptureFixture[str]) -> None:
    number = int(os.environ.get("FUZZ_SEED", random.SystemRandom().randrange(2**32)))
    pool = [*seeds(), *given_seeds()]
    until = time.monotonic() + 60 * MINUTES
    told: set[int] = set()
    with Decoder() as decoder:

        @given(
            place=st.sampled_from(range(len(pool))),
            todo=changes(8),
            most=st.sampled_from([2**14, 2**18, 2**20, MAX_BYTES]),
        )
        @settings(max_examples=ROUND, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def one_round(place: int, todo: list[Change], most: int) -> None:
            name, data = pool[place]
            made = changed(name, data, todo, most)
            wrong = complaint(decoder, made)
            if wrong and number not in told:
                told.add(number)
                with capfd.disabled():
                    print("\n" + keep(number, made, wrong), flush=True)  # noqa: T201
            assert wrong == "", f"FUZZ_SEED={number}"

        while time.monotonic() < until:
            seed(number)(one_round)()
            number += 1
