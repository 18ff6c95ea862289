"""A store that answers slowly is found out, and one answer that came late is not held against it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imagesearch.doctor.diagnosis import Verdict
from imagesearch.doctor.of_pace import examine_pace


def clock(*took: float) -> Iterator[float]:
    now = 0.0
    for seconds in took:
        yield now
        now += seconds
        yield now


@pytest.mark.parametrize(
    ("took", "verdict", "shown"),
    [
        ((0.002, 0.003, 0.002), Verdict.OK, "answers in 2 ms"),
        ((4.0, 4.0, 0.01), Verdict.OK, "answers in 10 ms"),
        ((2.5, 2.0, 3.0), Verdict.PROBLEM, "answers in 2000 ms"),
    ],
)
def test_a_slow_store_is_told_by_its_best_answer(took: tuple[float, ...], verdict: Verdict, shown: str) -> None:
    times = clock(*took)
    found = examine_pace("postgres", lambda: None, clock=lambda: next(times))
    assert (found.subject, found.verdict, found.found) == ("postgres pace", verdict, shown)
