"""Which networks can be named."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from imagesearch.contract import Queue
from imagesearch.errors import StoreUnavailable
from imagesearch.networks import VGG16, NetworkSpec, queues_of
from imagesearch.pipeline import model_identity
from imagesearch.worker.registry import WorkerRegistry, WorkerReport
from imagesearch_api.errors import NetworkRejected
from imagesearch_api.networks import consumes, find_network, is_untrained, running_models

OTHER = NetworkSpec("other_net", 1_000, side=320, has_one_side=True)


class _Away:
    """Tell of nobody: Redis does not answer."""

    def alive(self) -> list[WorkerReport]:
        raise StoreUnavailable("message", "away")


class _Alive:
    """Tell of workers without Redis."""

    def __init__(self, *reports: WorkerReport) -> None:
        self.reports = list(reports)

    def alive(self) -> list[WorkerReport]:
        return self.reports


def worker(spec: NetworkSpec, weights: str, stage: Queue = Queue.EXTRACT) -> WorkerReport:
    model = model_identity(weights, spec)
    queues = queues_of(stage, model)
    return WorkerReport(f"{stage}@{weights}", queues, "1", model, weights, False, side=spec.side)


INDEXER = WorkerReport("indexer", ("index", "plan"), "1", None, None, False)


def test_a_network_is_known_when_extractors_can_build_it_or_a_worker_runs_it() -> None:
    registry = cast(WorkerRegistry, _Alive(INDEXER, worker(OTHER, "a")))
    assert find_network(registry, "vgg16") == VGG16
    assert find_network(registry, "other_net") == OTHER
    with pytest.raises(NetworkRejected, match=r"other_net, .*vgg16"):
        find_network(registry, "magic")


def test_workers_say_whether_the_weights_of_a_collection_are_random() -> None:
    trained, untrained = worker(VGG16, "a"), replace(worker(VGG16, "b"), untrained=True)
    registry = cast(WorkerRegistry, _Alive(INDEXER, trained, untrained))
    found = [is_untrained(registry, model) for model in (trained.model, untrained.model, "vgg16-max-512:c", None)]
    assert found == [False, True, None, None]
    assert is_untrained(cast(WorkerRegistry, _Away()), trained.model) is None


def test_no_worker_is_asked_for_a_network_that_extractors_can_build() -> None:
    assert find_network(cast(WorkerRegistry, None), "vgg16") == VGG16


def test_the_weights_that_count_are_those_of_workers_that_take_batches() -> None:
    workers = [INDEXER, worker(VGG16, "a"), worker(VGG16, "b", Queue.QUERY), worker(OTHER, "c")]
    assert running_models(workers, "vgg16") == {"vgg16-max-512:a"}
    assert running_models(workers, "other_net") == {"other_net-max-1000:c"}
    assert [consumes(each, Queue.QUERY) for each in workers] == [False, False, True, False]
