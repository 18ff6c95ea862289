"""The board compares each figure with its goal, and keeps what was missed for the end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.board import GOALS, Board, Goal
from bench.options import Options, WrongOption
from bench.ratio import Ratio
from bench.sizes import QUICK, WHOLE
from bench.speed.measures import MEASURES


def test_every_figure_of_the_table_is_measured_once() -> None:
    names = [name for group in MEASURES for name in group]
    assert sorted(names) == sorted(GOALS)


@pytest.mark.parametrize(
    ("goal", "value", "holds"),
    [
        (Goal("x", at_least=0.9), 0.9, True),
        (Goal("x", at_least=0.9), 0.89, False),
        (Goal("x", at_most=1.1), 1.1, True),
        (Goal("x", at_most=1.1), 1.11, False),
        (Goal("x"), 100.0, None),
    ],
)
def test_a_goal_is_a_bound_that_may_be_reached(goal: Goal, value: float, holds: bool | None) -> None:
    assert goal.holds(value) is holds


def test_figures_are_shown_written_and_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = Board(tmp_path / "lines")
    board.ratio("search_by_id", Ratio((0.004, 0.006, 0.005), (0.002, 0.002, 0.002)), "ms", 1e3)
    board.ratio("plan_new", Ratio((1.0,), (2.0,)), "s")
    board.value("recall_at_10_noise", 0.7)
    board.note("stages", forward=1.5)
    assert (board.missed, board.status()) == (["search_by_id"], 1)
    found, planned, noise, stages = map(json.loads, (tmp_path / "lines").read_text().splitlines())
    assert (found["value"], found["low"], found["high"], found["rounds"]) == (2.5, 2.0, 3.0, 3)
    assert (found["over"], found["under"], found["unit"]) == (5.0, 2.0, "ms")
    assert (found["at_most"], found["at_least"], found["holds"]) == (2.0, None, False)
    assert (planned["holds"], noise["holds"]) == (True, None)
    assert (stages["note"], stages["forward"]) == ("stages", 1.5)
    assert board.table().splitlines()[2:] == [
        "| search_by_id | over a bare Milvus search and Postgres select through one HTTP request | 2.50 | "
        "2.00 - 3.00 | <= 2.00 | MISSED |",
        "| plan_new | paths/s over walk with stat + COPY | 0.50 | 0.50 - 0.50 | >= 0.40 | holds |",
        "| recall_at_10_noise | found of the true ten nearest, noise | 0.70 |  | reported |  |",
    ]
    assert "search_by_id: 2.500" in capsys.readouterr().out


def test_what_could_not_be_measured_is_said_and_counts_as_missed(tmp_path: Path) -> None:
    board = Board(tmp_path / "lines")
    board.value("recall_at_10", 1.0)
    board.broke(("recall_at_10", "recall_at_10_noise"), "Milvus ended")
    assert (board.missed, board.failed, board.status()) == ([], {"recall_at_10_noise": "Milvus ended"}, 1)
    assert (
        "| recall_at_10_noise | found of the true ten nearest, noise | not measured: Milvus ended |"
        in board.table()
    )
    assert json.loads((tmp_path / "lines").read_text().splitlines()[-1])["error"] == "Milvus ended"


def test_a_run_without_a_miss_ends_well() -> None:
    board = Board()
    board.value("recall_at_10", 1.0)
    assert board.status() == 0


def test_options_say_how_much_of_what_is_measured(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "photo.JPG").touch()
    given = {"PHOTOS": str(tmp_path), "WEIGHTS": "random:7"}
    options = Options.of(given)
    assert (options.sizes, options.results, options.weights_int8) == (WHOLE, None, "")
    assert options.wants(("plan_new",))
    some = Options.of({**given, "FIGURES": "plan_new,recall_at_10", "QUICK": "1", "RESULTS": "lines"})
    assert (some.sizes, some.results) == (QUICK, Path("lines").absolute())
    assert (some.wants(("plan_new", "plan_unchanged")), some.wants(("worker_peak",))) == (True, False)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"PHOTOS": ""}, "PHOTOS="),
        ({"PHOTOS": "/nowhere"}, "PHOTOS=/nowhere"),
        ({"WEIGHTS": ""}, "WEIGHTS="),
        ({"WEIGHTS": "made.int8.h5"}, "WEIGHTS=made.int8.h5"),
        ({"WEIGHTS_INT8": "made.h5"}, "WEIGHTS_INT8=made.h5"),
        ({"FIGURES": "plan_new,speed"}, "FIGURES: speed"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(tmp_path: Path, changed: dict[str, str], name: str) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(WrongOption, match=name):
        Options.of({"PHOTOS": str(tmp_path), "WEIGHTS": "random:7", **changed})
