"""Two things are done in turns, and the ratio is that of each round."""

from __future__ import annotations

import pytest

from bench.ratio import Ratio, in_turns, median_seconds
from bench.report import p95


def test_both_are_done_in_turns_and_compared_within_a_round() -> None:
    done: list[str] = []
    over, under = iter([2.0, 30.0, 4.0]), iter([1.0, 10.0, 4.0])

    def measure(name: str, values: object) -> float:
        done.append(name)
        return next(values)  # type: ignore[call-overload,no-any-return]

    found = in_turns(3, lambda: measure("over", over), lambda: measure("under", under))
    assert done == ["over", "under"] * 3
    assert found.each == (2.0, 3.0, 1.0)
    assert found.median == 2.0
    assert found.spread == (1.0, 3.0)
    assert found.inverted().each == (0.5, 1 / 3, 1.0)


@pytest.mark.parametrize(("over", "under"), [((), ()), ((1.0,), (1.0, 2.0))])
def test_what_was_not_measured_together_is_no_ratio(over: tuple[float, ...], under: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="no rounds"):
        Ratio(over, under)


def test_the_median_of_calls_counts_and_each_is_made_once() -> None:
    made: list[int] = []
    assert median_seconds([lambda: made.append(1), lambda: made.append(2)]) >= 0
    assert made == [1, 2]


def test_the_95th_percentile_lies_between_measurements() -> None:
    assert p95(list(map(float, range(101)))) == 95.0
