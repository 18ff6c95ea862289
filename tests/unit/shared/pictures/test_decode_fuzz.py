"""No file costs much more than an honest one of its bytes and pixels, and each gets its outcome or refusal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.hostile.bombs import BOMBS, plain
from support.hostile.claims import Claim
from support.hostile.honest import honest
from support.hostile.measuring import Decoder, complaint
from support.hostile.mutating import Change, changed, changes, seeds
from support.hostile.still_bombs import STILL_BOMBS

ALL_BOMBS = BOMBS | STILL_BOMBS
BOMB_BYTES = 2 * 1024 * 1024
FUZZ_BYTES = 256 * 1024


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as made:
        yield made


@pytest.mark.parametrize("kind", ALL_BOMBS)
def test_a_bomb_costs_no_more_than_ten_times_an_honest_file(kind: str, decoder: Decoder) -> None:
    _, bomb = ALL_BOMBS[kind]
    assert complaint(decoder, bomb(BOMB_BYTES)) == ""


@given(number=st.sampled_from(range(len(seeds()))), todo=changes())
@settings(
    max_examples=600,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_no_change_to_a_file_makes_it_cost_more_or_fail_otherwise(
    decoder: Decoder, number: int, todo: list[Change]
) -> None:
    name, data = seeds()[number]
    assert complaint(decoder, changed(name, data, todo, FUZZ_BYTES)) == ""


@pytest.mark.parametrize("size", [2_000, 16_312, 40_000])
def test_an_honest_file_in_run_lengths_is_a_picture_however_small(decoder: Decoder, size: int) -> None:
    assert (
        decoder.decode(honest("BMP", Claim((160, 120), is_grey=True, packing="runs"), size)).outcome == "picture"
    )


@pytest.mark.parametrize(
    "kind",
    [
        "tiff of strips",
        "jpeg of tables",
        "png of packed texts",
        "gif of stray bytes",
        "jpeg of empty comments",
        "deep png of short blocks",
        "webp of groups of codes",
    ],
)
def test_what_is_measured_is_noticed_when_structures_are_not_checked(kind: str) -> None:
    _, bomb = ALL_BOMBS[kind]
    with Decoder(checks=False) as unchecked:
        assert complaint(unchecked, bomb(BOMB_BYTES))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_an_honest_file_is_a_picture_within_the_same_limits(name: str, decoder: Decoder) -> None:
    assert decoder.decode(plain(name)).outcome == "picture"
