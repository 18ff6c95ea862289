"""Know networks: those that extractors can build by themselves, and those that live workers report."""

from __future__ import annotations

from collections.abc import Sequence

from imagesearch.contract import Queue
from imagesearch.errors import InvalidMessage, StoreUnavailable
from imagesearch.networks import BUILT_IN, ModelIdentity, NetworkSpec, is_queue_of
from imagesearch.worker.registry import WorkerRegistry, WorkerReport
from imagesearch_api.errors import NetworkRejected


def find_network(registry: WorkerRegistry, name: str) -> NetworkSpec:
    """Return what is known of a network.

    Raises:
        NetworkRejected: nobody knows it.
        StoreUnavailable: Redis does not answer, and no extractor can build such a network by itself.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    reported = {spec.name: spec for spec in map(spec_of, registry.alive()) if spec is not None}
    if name not in reported:
        raise NetworkRejected(sorted({*BUILT_IN, *reported}))
    return reported[name]


def running_models(workers: Sequence[WorkerReport], name: str) -> set[str]:
    """Return the identities of a network that live extractors of batches have."""
    return {
        worker.model
        for worker in workers
        if worker.model is not None
        and (spec := spec_of(worker)) is not None
        and spec.name == name
        and consumes(worker, Queue.EXTRACT)
    }


def is_untrained(registry: WorkerRegistry, model: str | None) -> bool | None:
    """Tell whether the weights of an identity are random; None where no live worker has them."""
    if model is None:
        return None
    try:
        workers = registry.alive()
    except StoreUnavailable:
        # Who asks wants pictures, and gets them without Redis.
        return None
    return next((worker.untrained for worker in workers if worker.model == model), None)


def consumes(worker: WorkerReport, stage: Queue) -> bool:
    """Tell whether a worker takes what is meant for its network in a stage."""
    return any(is_queue_of(stage, queue) for queue in worker.queues)


def spec_of(worker: WorkerReport) -> NetworkSpec | None:
    """Return what a worker reports of its network; None where it has none."""
    try:
        made = ModelIdentity.parse(worker.model or "")
    except InvalidMessage:
        return None
    return NetworkSpec(made.network, made.dimension, worker.side, made.pooling, made.network not in BUILT_IN)
