"""A job indexes no more than the quotas of its tenant allow; what does not fit fails, and is not even read."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from imagesearch.access.tenants import Owner, Tenancy
from imagesearch.catalog import collections, images
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import single_image
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.quotas import admission, counts, limits
from imagesearch.catalog.quotas.counts import Used
from imagesearch.catalog.quotas.limits import Limits, Quota
from imagesearch.catalog.tables import quotas, stray_files
from imagesearch.contract import ExtractBatch, ExtractItem, JobState, TaskName
from imagesearch.errors import QuotaExceeded
from imagesearch.messaging.claims import InFlight
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.settings import IndexerSettings
from support.repairing import repaired
from support.waiting import until
from support.world import BAD, World

pytestmark = pytest.mark.integration

ANNA = Owner("0" * 16, Tenancy(("default",), "anna"))


@pytest.fixture
def world(catalog: Catalog, client: redis.Redis, pictures: Path) -> World:
    settings = IndexerSettings(batch_size=2, window=3, plan_slice=10, lease_seconds=60)
    return World(catalog, InMemoryVectorStore(), InFlight(client), pictures, settings)


def allow(world: World, partition: str | None = "anna", **given: int) -> Quota:
    with world.catalog.transaction() as tx:
        collection, _ = collections.create(tx, "default")
        return limits.put(tx, collection.id, partition, Limits(**given), by=None)


def used(world: World, quota: Quota) -> Used:
    with world.catalog.reading() as tx:
        return counts.used(tx, [quota.id])[quota.id]


def names(number: int, prefix: str = "p") -> list[str]:
    return [f"{prefix}{index:02}.jpg" for index in range(number)]


def test_what_does_not_fit_fails_and_is_not_read(world: World) -> None:
    quota = allow(world, images=3)
    world.write(*names(20))
    job = world.run(world.root, partition="anna", owner=ANNA)
    assert job.state == JobState.COMPLETED_WITH_FAILURES
    assert Counter(world.outcomes(job.id).values()) == {"indexed": 3, "quota_exceeded": 17}
    assert used(world, quota) == Used(3, 3 * len("p00.jpg"))
    assert world.inferences < 20, "what had not been sent when the room was gone was read all the same"
    world.check()


def test_broken_pictures_take_no_room(world: World) -> None:
    allow(world, images=4)
    world.write(*names(6, "a"), content=BAD)
    world.write(*names(4, "b"))
    job = world.run(world.root, partition="anna")
    assert Counter(world.outcomes(job.id).values()) == {"unreadable": 6, "indexed": 4}


def test_what_is_there_may_change_and_what_is_deleted_makes_room(world: World) -> None:
    quota = allow(world, images=2)
    world.write("a.jpg", "b.jpg")
    world.run(world.root, partition="anna", owner=ANNA)
    world.write("b.jpg", content=b"another and longer one")
    world.write("c.jpg")
    job = world.run(world.root, partition="anna", owner=ANNA)
    assert world.outcomes(job.id) == {"a.jpg": "unchanged", "b.jpg": "indexed", "c.jpg": "quota_exceeded"}
    world.delete("a.jpg")
    again = world.run([world.root / "c.jpg"], partition="anna", owner=ANNA)
    assert world.outcomes(again.id) == {"c.jpg": "indexed"}
    assert used(world, quota) == Used(2, len(b"another and longer one") + len("c.jpg"))
    world.check()


def test_bytes_are_counted_too_and_others_are_not_kept_from_theirs(world: World) -> None:
    quota = allow(world, bytes=25)
    world.write(*names(5))
    ben = world.run(world.root, partition="ben")
    assert ben.state == JobState.SUCCEEDED
    world.write(*names(5, "anna/p"))
    job = world.run(world.root / "anna", partition="anna", owner=ANNA)
    assert Counter(world.outcomes(job.id).values()) == {"indexed": 3, "quota_exceeded": 2}
    assert used(world, quota) == Used(3, 21)
    # Ben's pictures do not come to Anna by another way either.
    moved = world.run([world.root / "p00.jpg"], partition="anna")
    assert world.outcomes(moved.id) == {"p00.jpg": "quota_exceeded"}
    world.check()


def test_a_quota_of_the_collection_holds_for_all_of_its_partitions(world: World) -> None:
    allow(world, None, images=3)
    world.write(*names(2, "a/p"), *names(2, "b/p"))
    first = world.run(world.root / "a", partition="anna")
    second = world.run(world.root / "b", partition="ben")
    assert first.state == JobState.SUCCEEDED
    assert sorted(world.outcomes(second.id).values()) == ["indexed", "quota_exceeded"]


def test_what_was_there_before_its_quota_is_counted_by_reconciliation(world: World) -> None:
    world.write(*names(3))
    world.run(world.root, partition="anna")
    quota = allow(world, images=3)
    assert used(world, quota) == Used()
    assert repaired(world) == {}
    assert used(world, quota) == Used(3, 21)
    with world.catalog.reading() as tx:
        assert limits.of_images(tx, quota.collection_id, ["anna"])[0].counted_at is not None
    assert repaired(world, deep=True) == {}
    world.write("one-more.jpg")
    assert world.run(world.root, partition="anna").failed == 1


def test_a_quota_that_is_set_while_another_is_counted_is_counted_as_well(world: World) -> None:
    world.write(*names(2))
    world.run(world.root, partition="anna")
    allow(world, images=9)
    with world.catalog.transaction() as tx:
        began = counts.begin(tx)
    late = allow(world, None, images=9)
    with world.catalog.transaction() as tx:
        assert not counts.end(tx, began)
        left = tx.execute(sa.select(quotas.c.id).where(quotas.c.counted_at.is_(None))).scalars().all()
    assert left == [late.id]


@dataclass
class Pausing:
    """A vector store whose first write calls somebody."""

    store: InMemoryVectorStore
    then: Callable[[], None] | None = None

    def upsert(self, *given: Any, **named: Any) -> None:
        self.store.upsert(*given, **named)
        call, self.then = self.then, None
        if call is not None:
            call()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def test_those_who_write_at_the_same_moment_do_not_pass_a_limit_together(world: World, catalog: Catalog) -> None:
    quota = allow(world, images=2)
    # The network is fixed: whoever did that now would keep the other one waiting.
    world.run(world.write("bens.jpg"), partition="ben")
    world.write(*names(4, "anna/p"))
    job_id = world.submit(world.root / "anna", partition="anna", owner=ANNA)
    world.plan(job_id)
    one, other = (
        world.extract(batch) for batch in world.taken(TaskName.EXTRACT) if isinstance(batch, ExtractBatch)
    )
    arrived = threading.Event()
    second = threading.Thread(target=lambda: (index_batch(world.indexer, other), arrived.set()))

    def wait_for_second() -> None:
        second.start()
        until(lambda: arrived.is_set() or stands_in_line(catalog))

    store = Pausing(InMemoryVectorStore(), wait_for_second)
    with world.catalog.transaction() as tx:
        held = collections.get(tx, "default")
    store.store._collections |= world.vectors._collections  # type: ignore[attr-defined]
    world.vectors = store  # type: ignore[assignment]
    index_batch(world.indexer, one)
    second.join(60.0)
    assert Counter(world.outcomes(job_id).values()) == {"indexed": 2, "quota_exceeded": 2}
    assert used(world, quota).images == 2
    assert store.count(held.vector_collection, strong=True) == 3


def stands_in_line(catalog: Catalog) -> bool:
    with catalog.reading() as tx:
        waiting = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return tx.execute(waiting).scalar_one() > 0


def test_nothing_is_left_of_an_upload_that_came_too_late_for_the_last_room(world: World) -> None:
    quota = allow(world, images=0)
    [path] = map(str, world.write("upload.png"))
    with world.catalog.transaction() as tx:
        image = images.ensure_rows(tx, quota.collection_id, [path], "anna", {})[path]
        images.mark_uploaded(tx, image.id)
        job_id, batch_id = single_image.begin(tx, images.get(tx, image.id), Labels("anna", {}))
    item = ExtractItem(image.id, path, None, image.version)
    index_batch(world.indexer, world.extract(ExtractBatch(job_id, batch_id, None, {}, (item,))))
    assert world.outcomes(job_id) == {"upload.png": "quota_exceeded"}
    assert world.states() == {}
    with world.catalog.reading() as tx:
        assert tx.execute(sa.select(stray_files.c.path)).scalars().all() == [path]


def test_no_more_jobs_than_allowed_are_open_at_once(world: World) -> None:
    quota = allow(world, jobs=1)
    world.write("a.jpg")
    with world.catalog.transaction() as tx:
        admission.require_job(tx, quota.collection_id, "anna")
    job_id = world.submit(world.root, partition="anna", owner=ANNA)
    with world.catalog.transaction() as tx, pytest.raises(QuotaExceeded, match="limit of jobs at once is 1"):
        admission.require_job(tx, quota.collection_id, "anna")
    with world.catalog.transaction() as tx:
        admission.require_job(tx, quota.collection_id, "ben")
    world.plan(job_id)
    world.work()
    with world.catalog.transaction() as tx:
        admission.require_job(tx, quota.collection_id, "anna")


def test_a_quota_goes_with_its_collection(world: World) -> None:
    quota = allow(world, images=3)
    world.write("a.jpg")
    world.run(world.root, partition="anna")
    with world.catalog.transaction() as tx:
        counts.remove(tx, quota.collection_id)
        assert not counts.any_quota(tx)


@pytest.mark.parametrize(
    ("given", "field"),
    [({}, "at least one limit"), ({"images": -1}, "images: 0 to"), ({"jobs": 2**63}, "jobs: 0 to")],
)
def test_a_limit_that_cannot_be_kept_is_refused(world: World, given: dict[str, int], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        allow(world, **given)
