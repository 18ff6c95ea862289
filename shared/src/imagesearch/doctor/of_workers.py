"""Look at the workers: who consumes what, with which release and network, on what machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import imagesearch
from imagesearch.catalog.collection import Collection
from imagesearch.contract import Queue
from imagesearch.doctor.diagnosis import Diagnosis, judge
from imagesearch.networks import is_queue_of
from imagesearch.worker.facts import WorkerFacts
from imagesearch.worker.registry import SCHEDULER_ROLE, WorkerReport

CLOCK_SECONDS = 30.0


def examine_workers(
    alive: Sequence[WorkerReport], facts: Mapping[str, WorkerFacts], collections: Iterable[Collection]
) -> list[Diagnosis]:
    """Return what is to be said of the live workers.

    Args:
        alive: what they report.
        facts: what each stands on, by its name; those of an older release say nothing.
        collections: whose networks have to be served.
    """
    return [
        *_queues(alive),
        _scheduler(alive),
        _versions(alive),
        *_networks(alive, collections),
        *(line for worker in alive if worker.queues for line in _machine(worker, facts.get(worker.name))),
    ]


def _queues(alive: Sequence[WorkerReport]) -> Iterator[Diagnosis]:
    for queue in Queue:
        count = sum(_consumes(worker, queue) for worker in alive)
        yield judge(
            f"queue {queue.value}",
            f"{count} workers",
            "Start one, or read in its log why it ended.",
            is_well=count > 0,
        )


def _scheduler(alive: Sequence[WorkerReport]) -> Diagnosis:
    count = sum(worker.name.startswith(f"{SCHEDULER_ROLE}@") for worker in alive)
    todo = "Run exactly one: without it what is lost is never found." if not count else "Stop all but one."
    return judge("scheduler", f"{count} running", todo, is_well=count == 1)


def _versions(alive: Sequence[WorkerReport]) -> Diagnosis:
    found = sorted({imagesearch.__version__, *(worker.version for worker in alive)})
    return judge(
        "versions",
        ", ".join(found),
        f"This process is {imagesearch.__version__}: finish the upgrade, or the way back.",
        is_well=len(found) == 1,
    )


def _networks(alive: Sequence[WorkerReport], collections: Iterable[Collection]) -> Iterator[Diagnosis]:
    untrained = [worker.name for worker in alive if worker.untrained]
    if untrained:
        yield judge(
            "weights",
            f"random on {', '.join(untrained)}",
            "Set WEIGHTS: these are for trials only.",
            is_well=False,
        )
    for queue, harm in (
        (Queue.EXTRACT, "its pictures are refused"),
        (Queue.QUERY, "searches by pictures are 409"),
    ):
        served = {worker.model for worker in alive if _consumes(worker, queue) and worker.model is not None}
        if not served:
            continue
        lacking = [one.name for one in collections if one.model is not None and one.model not in served]
        yield judge(
            f"network of {queue.value}",
            f"none for {', '.join(lacking[:5])}" if lacking else ", ".join(sorted(map(_short, served))),
            f"Set WEIGHTS to what built it, or reindex the collection: {harm} until then.",
            is_well=not lacking,
        )


def _machine(worker: WorkerReport, facts: WorkerFacts | None) -> Iterator[Diagnosis]:
    if facts is None:
        yield judge(worker.name, "says nothing of its machine", "It is of another release.", is_well=None)
        return
    if worker.model is not None:
        is_fit = "avx2" in facts.cpu_flags or facts.machine not in ("x86_64", "AMD64")
        yield judge(
            f"cpu of {worker.name}",
            ", ".join((facts.machine, *facts.cpu_flags)),
            "Run it on a CPU with AVX2: without, a picture takes several times as long.",
            is_well=is_fit,
        )
    if worker.model is not None and not any("bf16" in flag for flag in facts.cpu_flags):
        yield judge(
            f"bfloat16 of {worker.name}", "not on this CPU, so float32 at half the speed", "", is_well=True
        )
    yield judge(
        f"directories of {worker.name}",
        f"unreadable: {', '.join(facts.unreadable)}" if facts.unreadable else "readable",
        "Mount them there as everywhere else, readable for its user.",
        is_well=not facts.unreadable,
    )
    if facts.refused:
        yield judge(
            f"stores of {worker.name}",
            "; ".join(facts.refused),
            "Make room: what waits goes on then.",
            is_well=False,
        )
    yield judge(
        f"clock of {worker.name}",
        f"{facts.clock_ahead:+.0f} s beside Redis",
        "Run NTP: work goes on, and the times in logs mislead.",
        is_well=abs(facts.clock_ahead) < CLOCK_SECONDS,
    )


def _consumes(worker: WorkerReport, stage: Queue) -> bool:
    """Tell whether a worker takes from a queue of a stage, of whatever network."""
    return any(is_queue_of(stage, queue) for queue in worker.queues)


def _short(identity: str) -> str:
    name, _, digest = identity.partition(":")
    return f"{name}:{digest[:12]}"
