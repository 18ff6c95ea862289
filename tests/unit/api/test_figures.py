"""What the API measures of the system: one store that is away or hangs costs its own figures and no others."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from prometheus_client.metrics_core import Metric

from imagesearch.errors import StoreUnavailable
from imagesearch.metrics import JOBS_STALLED, STORE_UP
from imagesearch_api import figures
from imagesearch_api.figures import SystemFigures, of_files
from support.waiting import TIMEOUT


def stalled() -> Sequence[Metric]:
    return [JOBS_STALLED.at(3)]


def shown(made: SystemFigures) -> dict[tuple[str, str], float]:
    """Return the value of each metric and store."""
    return {
        (sample.name, sample.labels.get("store", "")): sample.value
        for metric in made.collect()
        for sample in metric.samples
    }


def test_a_store_that_is_away_is_shown_as_down_beside_the_figures_of_the_others() -> None:
    def away() -> Sequence[Metric]:
        raise StoreUnavailable("redis", "away")

    def broken() -> Sequence[Metric]:
        raise ZeroDivisionError

    with closing(SystemFigures({"postgres": stalled, "redis": away, "milvus": broken})) as made:
        assert shown(made) == {
            (STORE_UP.name, "postgres"): 1,
            (STORE_UP.name, "redis"): 0,
            (STORE_UP.name, "milvus"): 0,
            (JOBS_STALLED.name, ""): 3,
        }


def test_a_store_that_hangs_is_asked_once_and_shown_as_down(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = Event(), []

    def hanging() -> Sequence[Metric]:
        asked.append("milvus")
        answers.wait(TIMEOUT)
        return []

    monkeypatch.setattr(figures, "MAX_SECONDS", 0.05)
    with closing(SystemFigures({"postgres": stalled, "milvus": hanging})) as made:
        for _ in range(3):
            found = shown(made)
            assert found[STORE_UP.name, "milvus"] == 0
        assert asked == ["milvus"]
        answers.set()
        monkeypatch.setattr(figures, "MAX_SECONDS", TIMEOUT)
        assert shown(made)[STORE_UP.name, "milvus"] == 1


def test_any_number_may_ask_at_once() -> None:
    with closing(SystemFigures({"postgres": stalled})) as made, ThreadPoolExecutor(8) as askers:
        for found in askers.map(lambda _: shown(made), range(32)):
            assert found == {(STORE_UP.name, "postgres"): 1, (JOBS_STALLED.name, ""): 3}


def test_room_is_told_of_a_place_that_is_still_to_be_made(tmp_path: Path) -> None:
    free, size = of_files({"uploads": tmp_path / "not" / "yet"})
    assert 0 < free.samples[0].value <= size.samples[0].value
