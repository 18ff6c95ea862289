"""What the doctor says of workers, by what they report."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import imagesearch
from imagesearch.contract import Queue
from imagesearch.doctor.diagnosis import Verdict
from imagesearch.doctor.of_workers import examine_workers
from imagesearch.worker.facts import WorkerFacts
from imagesearch.worker.registry import SCHEDULER_ROLE, WorkerReport

MODEL = "vgg16:0123456789abcdef"
FACTS = WorkerFacts("x86_64", ("avx2", "avx512_bf16"), ())


def worker(name: str, *queues: Queue, model: str | None = None) -> WorkerReport:
    return WorkerReport(
        name, tuple(queue.value for queue in queues), imagesearch.__version__, model, None, untrained=False
    )


ALIVE = [
    worker("extractor", Queue.EXTRACT, model=MODEL),
    worker("extractor-query", Queue.QUERY, model=MODEL),
    worker("indexer", Queue.INDEX, Queue.PLAN, Queue.RECONCILE),
    worker(f"{SCHEDULER_ROLE}@host.1"),
]


def ills(alive: list[WorkerReport], facts: WorkerFacts = FACTS, model: str = MODEL) -> dict[str, str]:
    """Return what is wrong, by its subject."""
    collection: Any = SimpleNamespace(name="library", model=model)
    found = examine_workers(alive, {one.name: facts for one in alive}, [collection])
    assert all(one.todo for one in found if one.verdict is not Verdict.OK)
    return {one.subject: one.found for one in found if one.verdict is Verdict.PROBLEM}


def test_a_system_that_is_well_has_no_ill() -> None:
    assert ills(ALIVE) == {}


@pytest.mark.parametrize(
    ("missing", "subjects"),
    [
        (0, {"queue extract"}),
        (1, {"queue query"}),
        (2, {"queue index", "queue plan", "queue reconcile"}),
        (3, {"scheduler"}),
    ],
)
def test_who_is_missing_is_named(missing: int, subjects: set[str]) -> None:
    assert ills([one for at, one in enumerate(ALIVE) if at != missing]).keys() == subjects


def test_two_schedulers_are_one_too_many() -> None:
    assert ills([*ALIVE, worker(f"{SCHEDULER_ROLE}@host.2")]) == {"scheduler": "2 running"}


def test_another_release_is_named() -> None:
    assert ills([replace(ALIVE[0], version="0.0.1"), *ALIVE[1:]]).keys() == {"versions"}


def test_random_weights_and_a_network_that_no_collection_was_built_with_are_named() -> None:
    assert ills([replace(ALIVE[0], untrained=True), *ALIVE[1:]]).keys() == {"weights"}
    assert ills(ALIVE, model="vgg16:fedc") == {
        "network of extract": "none for library",
        "network of query": "none for library",
    }


def test_machines_that_will_not_do_are_named() -> None:
    slow = replace(FACTS, cpu_flags=())
    assert ills(ALIVE, slow).keys() == {"cpu of extractor", "cpu of extractor-query"}
    assert ills(ALIVE, replace(slow, machine="aarch64")) == {}
    assert len(ills(ALIVE, replace(FACTS, clock_ahead=-40.0))) == 3
    assert "/photos" in ills(ALIVE, replace(FACTS, unreadable=("/photos",)))["directories of indexer"]


def test_a_worker_of_an_older_release_says_nothing_of_its_machine() -> None:
    found = examine_workers(ALIVE, {}, [])
    assert [one.subject for one in found if one.verdict is Verdict.UNKNOWN] == [
        "extractor",
        "extractor-query",
        "indexer",
    ]
