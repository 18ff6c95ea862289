"""Whatever the order: messages doubled, late, lost, and users who change their minds, all drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from imagesearch.access.tenants import NOBODY
from imagesearch.contract import (
    CancelJob,
    ExtractBatch,
    IndexBatch,
    JobState,
    PlanJob,
    Reconcile,
    TaskName,
)
from imagesearch.errors import Conflict
from imagesearch.wire import Message
from imagesearch_api.jobs import control as control_module
from imagesearch_api.jobs.ports import Jobs
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.finish import close_cancelled
from imagesearch_indexer.reconcile import lost_batches
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.tasks import plan_job
from support.api_twin import services_of
from support.world import BAD, World

pytestmark = pytest.mark.integration

SEEDS = range(6)
STEPS = 60


@pytest.fixture(autouse=True)
def _look_twice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_batches, "SECOND_LOOK_SECONDS", 0.0)


@dataclass
class Board:
    """Stand where the worker board stands: the API only asks it whether Redis answers."""

    def alive(self) -> list[object]:
        return []


@dataclass
class Chaos:
    """Take one random step after another.

    Attributes:
        under_way: messages that were sent and not delivered, in any order.
        kept: messages that were delivered and may come once more.
    """

    world: World
    pick: random.Random
    job_ids: list[str]
    under_way: list[Message] = field(default_factory=list)
    kept: list[Message] = field(default_factory=list)

    def step(self) -> None:
        self.under_way += [message for _, message in self.world.outbox]
        self.world.outbox.clear()
        action = self.pick.choices(
            [self.deliver, self.deliver_again, self.lose, self.control, self.edit, self.repair],
            weights=[12, 3, 2, 3, 1, 2],
        )[0]
        action()

    def deliver(self) -> None:
        if self.under_way:
            message = self.under_way.pop(self.pick.randrange(len(self.under_way)))
            self.kept.append(message)
            self._handle(message)

    def deliver_again(self) -> None:
        if self.kept:
            self._handle(self.pick.choice(self.kept))

    def lose(self) -> None:
        if self.under_way:
            self.under_way.pop(self.pick.randrange(len(self.under_way)))

    def control(self) -> None:
        verb = self.pick.choice(
            [
                control_module.cancel,
                control_module.pause,
                control_module.resume,
                control_module.resume,
                control_module.retry,
            ]
        )
        try:
            verb(ports(self.world), self.pick.choice(self.job_ids), NOBODY)
        except Conflict:
            return

    def edit(self) -> None:
        """Change, break or remove a file."""
        path = self.pick.choice(sorted(self.world.root.glob("*.jpg")))
        change = self.pick.randrange(3)
        if change == 0:
            path.write_bytes(BAD)
        elif change == 1:
            path.write_bytes(self.pick.randbytes(8))
        elif len(list(self.world.root.glob("*.jpg"))) > 5:
            path.unlink()

    def repair(self) -> None:
        reconcile(self.world.indexer, Reconcile(dry_run=False, deep=self.pick.random() < 0.3))

    def settle(self) -> None:
        """Lose what is under way, let everything be repaired, and bring every job to its end."""
        self.under_way.clear()
        for job_id in self.job_ids:
            if self.world.job(job_id).state == JobState.PAUSED:
                control_module.resume(ports(self.world), job_id, NOBODY)
        for _ in range(50):
            self.repair()
            while self.world.outbox:
                _, message = self.world.outbox.pop(0)
                self._handle(message)
            if all(self.world.job(job_id).finished_at for job_id in self.job_ids):
                return
        pytest.fail(f"jobs that do not end: {[self.world.job(job_id) for job_id in self.job_ids]}")

    def _handle(self, message: Message) -> None:
        match message:
            case PlanJob():
                plan_job(self.world.indexer, message)
            case ExtractBatch():
                self.world.outbox.append((TaskName.INDEX, self.world.extract(message)))
            case IndexBatch():
                index_batch(self.world.indexer, message)
            case CancelJob():
                close_cancelled(self.world.indexer, message.job_id)


def ports(world: World) -> Jobs:
    """Return what the API's control functions use, on the same stores."""
    parts = {"progress": world.progress, "send": world.indexer.send, "workers": Board()}
    return services_of(catalog=world.catalog, **parts).jobs


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_of_messages_and_commands_keeps_every_promise(world: World, seed: int) -> None:
    world.write(*(f"{index:02}.jpg" for index in range(22)))
    job_ids = [world.submit(world.root), world.submit(world.root), world.submit(_some(world))]
    chaos = Chaos(world, random.Random(seed), job_ids)  # noqa: S311 - an order, not a secret
    for _ in range(STEPS):
        chaos.step()
        for job_id in job_ids:
            world.check_ledger(job_id)
    chaos.settle()
    reconcile(world.indexer, Reconcile(dry_run=False, deep=True))
    world.work()
    world.check()
    for job_id in job_ids:
        job = world.job(job_id)
        assert job.done == job.total, job
        assert job.failed == 0 or job.state in (JobState.COMPLETED_WITH_FAILURES, JobState.CANCELLED)
    last = world.run(world.root)
    there = {path.name for path in world.root.glob("*.jpg") if path.read_bytes() != BAD}
    assert last.total == len(list(world.root.glob("*.jpg")))
    assert {name for name, state in world.states().items() if state == "indexed"} >= there
    world.check()


def _some(world: World) -> list[Path]:
    return sorted(world.root.glob("*.jpg"))[::3]
