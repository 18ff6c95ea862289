"""Build an index while others write without a pause: they make room for the last rounds, and go on behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from imagesearch.catalog import images, jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import single_image
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.reindex.builds import ThrottleLevel
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import (
    ExtractBatch,
    IndexBatch,
    JobState,
    PlanJob,
    Reconcile,
    TaskName,
    UnchangedImage,
)
from imagesearch.messaging.progress import InMemoryProgressBoard
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.tasks import plan_job
from support.damage import damage_job
from support.dying import EachTime
from support.reindexing import (
    SMOOTH,
    check_whole,
    filled,
    finish,
    is_anything_open,
    named_states,
    on,
    work_alone,
)
from support.waiting import until
from support.world import MODEL, World, vector_of

pytestmark = pytest.mark.integration


@dataclass
class Restless:
    """Somebody with another job for every turn: each adds a picture and changes one."""

    world: World
    turns: int = 0
    job_ids: list[str] = field(default_factory=list)

    def __call__(self) -> None:
        self.turns += 1
        mine = replace(self.world, outbox=[], progress=InMemoryProgressBoard())
        mine.write(f"restless/{self.turns}.jpg", content=f"added {self.turns}".encode())
        mine.write("restless/changes.jpg", content=f"changed {self.turns}".encode())
        self.job_ids.append(mine.run(self.world.root / "restless", metadata={"year": 2000}).id)


def work_watched(world: World, job_id: str, between: Callable[[], None], *, most: int = 60) -> int:
    """Do a build one step or batch at a time, with something between any two of them; return how many it took."""
    settings = world.settings.model_copy(update={"plan_seconds": 0.0})
    steps = replace(on(world, EachTime(world.vectors, "compact", between)), settings=settings)
    for turn in range(most):
        if world.job(job_id).finished_at is not None:
            return turn
        between()
        batches = world.taken(TaskName.EXTRACT)
        world.taken(TaskName.PLAN)
        if not batches:
            plan_job(steps, PlanJob(job_id))
        for batch in batches:
            assert isinstance(batch, ExtractBatch)
            between()
            index_batch(world.indexer, world.extract(batch))
    raise AssertionError(f"not ended after {most} turns: {world.job(job_id)}")


@pytest.fixture
def roomy(world: World) -> World:
    """An indexer whose last rounds may have as many pictures as somebody restless writes in a round."""
    settings = world.settings.model_copy(update={"window": 8, "plan_slice": 50, "retire_seconds": 0.0})
    world = replace(world, settings=settings)
    assert world.settings.last_round_images == 32
    return filled(world)


def test_a_build_ends_although_others_write_without_a_pause(roomy: World) -> None:
    world = roomy
    old = world.collection().vector_collection
    writer = Restless(world)

    def write_and_search() -> None:
        writer()
        if world.collection().vector_collection == old:
            ((found,),) = world.vectors.search(old, vector_of(b"003.jpg")[None, :], limit=1)
            assert found.distance < 0.001

    work_watched(world, world.submit_reindex(preprocessing=SMOOTH), write_and_search)
    assert world.collection().preprocessing == SMOOTH
    assert any(world.job(job_id).finished_at is None for job_id in writer.job_ids), "some had to wait"
    until(lambda: not is_anything_open(world))
    assert {world.job(job_id).state for job_id in writer.job_ids} == {JobState.SUCCEEDED}
    rows = [name for name, state in named_states(world) if state == "indexed"]
    assert len(rows) == 25 + writer.turns + 1
    check_whole(world, SMOOTH)


def lacking_some(world: World, count: int) -> str:
    """Fill a build, and write some pictures before it looks again; return its job."""
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    answers = [
        world.extract(message) for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)
    ]
    writer = replace(world, outbox=[], progress=InMemoryProgressBoard())
    writer.write(*(f"late/{index}.jpg" for index in range(count)))
    assert writer.run(world.root / "late").indexed == count
    for answer in answers:
        index_batch(world.indexer, answer)
    world.taken(TaskName.PLAN)
    plan_job(world.indexer, PlanJob(job_id))
    return job_id


def test_who_writes_waits_for_the_last_round_and_goes_on_behind_it(roomy: World) -> None:
    world = roomy
    job_id = lacking_some(world, 3)
    writer = replace(world, outbox=[], progress=InMemoryProgressBoard())
    writer.write("new.jpg")
    job = writer.run(world.root)
    assert (job.indexed, job.finished_at) == (0, None)
    single, message = changed_alone(world)
    index_batch(world.indexer, message)
    assert world.job(single).finished_at is None
    work_alone(world, world.indexer, job_id)
    assert world.collection().preprocessing == SMOOTH
    sent = [message.job_id for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]
    assert set(sent) <= {job.id, single}
    until(lambda: not is_anything_open(world))
    assert world.job(job.id).state == world.job(single).state == JobState.SUCCEEDED
    with world.catalog.transaction() as tx:
        assert tx.execute(
            sa.select(image_table.c.partition).where(image_table.c.path.endswith("/003.jpg"))
        ).one() == ("alone",)
    check_whole(world, SMOOTH)


def changed_alone(world: World) -> tuple[str, IndexBatch]:
    """Move one picture to another partition the way the API does; return the job and its message."""
    with world.catalog.transaction() as tx:
        image_id = tx.execute(
            sa.select(image_table.c.id).where(image_table.c.path.endswith("/003.jpg"))
        ).scalar_one()
        image = images.get(tx, image_id)
        job_id, batch_id = single_image.begin(tx, image, Labels("alone"))
    seen = UnchangedImage(image.id, image.sha256 or "", 7, 0, image.version)
    return job_id, IndexBatch(job_id, batch_id, MODEL, (), b"", (seen,), ())


def test_a_build_ends_although_others_delete_without_a_pause(roomy: World) -> None:
    world = roomy
    with world.catalog.transaction() as tx:
        ids = iter(tx.execute(sa.select(image_table.c.id).order_by(image_table.c.id).limit(20)).scalars().all())

    def delete() -> None:
        if (image_id := next(ids, None)) is not None:
            world.delete_ids([image_id])

    work_watched(world, world.submit_reindex(preprocessing=SMOOTH), delete)
    assert next(ids, None) is not None, "it ended before there was nothing more to delete"
    check_whole(world, SMOOTH)


def level(world: World) -> ThrottleLevel:
    with world.catalog.transaction() as tx:
        return builds.throttle_level(tx, world.collection().id, timeout=world.settings.last_round_timeout)


def wait_behind(world: World) -> str:
    """Submit a job that has to wait; return it."""
    world.write("new.jpg")
    job_id = world.submit([world.root / "new.jpg"])
    world.plan(job_id)
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    assert (world.job(job_id).total, world.job(job_id).done, sent(world, job_id)) == (1, 0, [])
    return job_id


def sent(world: World, job_id: str) -> list[ExtractBatch]:
    """Return the batches of a job that are on their way, and leave them there."""
    return [one for _, one in world.outbox if isinstance(one, ExtractBatch) and one.job_id == job_id]


def test_a_builder_that_dies_in_its_last_round_keeps_nobody_waiting_for_long(roomy: World) -> None:
    world = roomy
    build = lacking_some(world, 3)
    assert level(world) is ThrottleLevel.CLOSED
    world.outbox.clear()
    job_id = wait_behind(world)
    damage_job(world.catalog, build, progressed_at=datetime.now(UTC) - world.settings.last_round_timeout)
    assert level(world) is ThrottleLevel.REDUCED
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    (batch,) = sent(world, job_id)
    index_batch(world.indexer, world.extract(batch))
    assert world.job(job_id).state == JobState.SUCCEEDED
    assert world.collection().preprocessing != SMOOTH
    finish(world, build)
    check_whole(world, SMOOTH)


@pytest.mark.parametrize("stop", [jobs.pause, jobs.cancel])
def test_nobody_is_throttled_for_a_build_that_somebody_stopped(
    roomy: World, stop: Callable[[Transaction, str], jobs.Job]
) -> None:
    world = roomy
    build = lacking_some(world, 3)
    job_id = wait_behind(world)
    with world.catalog.transaction() as tx:
        stop(tx, build)
    assert level(world) is ThrottleLevel.OPEN
    world.outbox.clear()
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.job(job_id).state == JobState.SUCCEEDED


def test_a_build_that_lacks_much_may_have_more_batches_in_flight_than_others(roomy: World) -> None:
    world = roomy
    build = lacking_some(world, world.settings.last_round_images + 1)
    assert level(world) is ThrottleLevel.REDUCED
    come_back, *_ = sent(world, build)
    world.outbox.clear()
    world.write(*(f"more/later {index}.jpg" for index in range(12)))
    job_id = world.submit(world.root / "more")
    world.plan(job_id)
    # The build has all the room, until one of its batches comes back.
    index_batch(world.indexer, world.extract(come_back))
    assert len(sent(world, job_id)) == 1
    while not world.job(job_id).finished_at:
        (batch,) = sent(world, job_id)
        world.outbox.clear()
        index_batch(world.indexer, world.extract(batch))
    finish(world, build)
    check_whole(world, SMOOTH)
