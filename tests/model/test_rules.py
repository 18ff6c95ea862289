"""Without any of its rules the protocol goes wrong, and the model says how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import pytest

from model.explore import Result, explore
from model.kinds import COARSE, COARSEST, CRASH, FAULTS, FREEZE
from model.rules import Rules, Setup

NEEDED = {
    "expected_key": Setup(("writer", "writer"), indexed=False, changes=1),
    "expected_before_reading": Setup(("writer", "writer"), changes=1),
    "new_key": Setup(("labels",), faults=CRASH),
    "row_lock_first": Setup(("writer", "sweeper"), indexed=False),
    "turn": Setup(("writer", "writer"), indexed=False, changes=1, unreadable=True),
    "generation": Setup(("writer", "builder"), changes=1, extracts=True),
    "tombstone": Setup(("labels",)),
    "since_after_insert": Setup(("labels",)),
    "buried_without_image": Setup(("writer", "labels", "builder"), changes=2, extracts=True, merged=COARSEST),
    "grace": Setup(("labels", "collector", "searcher")),
    "young_tombstone": Setup(("labels",)),
    "still_indexed": Setup(("deleter",)),
    "labels_checked": Setup(("labels",)),
    "one_hit_an_image": Setup(("labels",)),
    "one_snapshot": Setup(("builder", "searcher"), changes=1, extracts=True),
    "exception_check": Setup(("writer", "labels", "builder"), changes=1, extracts=True, merged=COARSE),
    "fence": Setup(("labels", "sweeper")),
    "page_before_fence": Setup(("labels", "sweeper")),
    "look_again": Setup(("labels", "sweeper")),
    "exceptions_passed_over": Setup(("builder", "sweeper"), changes=1, extracts=True),
    "repair_in_live_store": Setup(("labels", "sweeper", "builder")),
    "fence_of_rounds": Setup(("labels", "builder")),
    "key_before_snapshot": Setup(("labels", "builder")),
    "exclusive_lock": Setup(("labels", "builder")),
    "last_round": Setup(("labels", "builder")),
    "horizon": Setup(("labels", "builder")),
    "apply_first": Setup(("labels", "builder"), changes=1, extracts=True),
    "from_key": Setup(("writer", "labels", "builder"), changes=1, extracts=True, merged=COARSE),
    "retires_later": Setup(("builder", "searcher")),
    "drops_again": Setup(("builder", "canceller"), faults=FREEZE),
}
"""For each rule those who show that it is needed."""
EITHER = ("build_expected", "equal_removes")
"""Rules of which one is enough."""
TIDY = ("buries_in_build",)
"""Rules that keep a store small, and that no promise rests on."""


def without(setup: Setup, *rules: str) -> Setup:
    return replace(setup, rules=replace(Rules(), **dict.fromkeys(rules, False)))


def test_every_rule_is_looked_at() -> None:
    assert {*NEEDED, *EITHER, *TIDY} == {field.name for field in fields(Rules)}


@pytest.mark.parametrize("rule", NEEDED)
def test_without_a_rule_something_goes_wrong(rule: str, tell: Callable[[Result], None]) -> None:
    result = explore(without(NEEDED[rule], rule))
    tell(result)
    assert result.problem, f"nothing goes wrong without {rule}"
    assert explore(NEEDED[rule]).problem == ""


def test_one_of_two_rules_against_old_readings_of_a_build_is_enough(tell: Callable[[Result], None]) -> None:
    setup = Setup(("writer", "builder"), changes=1, extracts=True)
    result = explore(without(setup, *EITHER))
    tell(result)
    assert "went back" in result.problem
    assert [explore(without(setup, rule)).problem for rule in EITHER] == ["", ""]


@pytest.mark.parametrize("extracts", [False, True], ids=["copying", "extracting"])
@pytest.mark.parametrize("actors", [("labels", "deleter"), ("labels", "collector"), ("deleter", "sweeper")])
def test_what_is_left_in_a_build_falls_to_the_sweep(actors: tuple[str, ...], *, extracts: bool) -> None:
    setup = Setup((*actors, "builder"), changed=True, extracts=extracts, faults=FAULTS, merged=COARSE)
    assert explore(without(setup, "buries_in_build")).problem == ""


def test_a_trace_names_who_did_what() -> None:
    result = explore(without(Setup(("deleter",)), "still_indexed"))
    assert str(result).splitlines()[1] == "  1 deleter 0: deletes the image"
