"""Build an index beside the one in use: killed, asked twice, written to meanwhile, and switched to whole."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any, cast

import numpy as np
import pytest
import sqlalchemy as sa

from imagesearch import pipeline
from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.tables import built_images, retired_vectors
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import CancelJob, ExtractBatch, JobState, PlanJob, Reconcile, TaskName
from imagesearch.errors import Conflict, StoreUnavailable
from imagesearch.messaging.progress import InMemoryProgressBoard
from imagesearch.pipeline import Preprocessing, fingerprint
from imagesearch.vectors import VectorStore
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.composition import Indexer
from imagesearch_indexer.lifecycle.deletion import finish_deletes
from imagesearch_indexer.lifecycle.finish import close_cancelled
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.reconcile.vectors import sweep
from imagesearch_indexer.tasks import plan_job
from support.dying import Before, Dying
from support.waiting import until
from support.world import BAD, MODEL, World, vector_of

pytestmark = pytest.mark.integration

SMOOTH = Preprocessing(resize="bilinear")
OTHER = "vgg16-max-512:other"


@pytest.fixture
def world(world: World) -> World:
    """An indexer that drops what a reindex replaced at once."""
    return replace(world, settings=world.settings.model_copy(update={"retire_seconds": 0.0}))


def filled(world: World, count: int = 25) -> World:
    world.write(*(f"{index:03}.jpg" for index in range(count)))
    assert world.run(world.root, metadata={"year": 1999}).indexed == count
    return world


def on(world: World, store: object) -> Indexer:
    return replace(world.indexer, vectors=cast(VectorStore, store))


def finish(world: World, job_id: str) -> jobs.Job:
    """Deliver what there is, and let reconciliation ask for what got lost, until the job has ended."""

    def has_ended() -> bool:
        plan_job(world.indexer, PlanJob(job_id))
        world.work()
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
        world.work()
        return world.job(job_id).finished_at is not None

    until(has_ended)
    return world.job(job_id)


def check_whole(world: World, preprocessing: Preprocessing | None = None) -> None:
    """Assert that each indexed picture has the vector of its file, and its own partition and metadata."""
    collection = world.collection()
    # Milvus itself reads some seconds behind, unless it is made to wait.
    world.vectors.count(collection.vector_collection, strong=True)
    world.check()
    with world.catalog.transaction() as tx:
        rows = tx.execute(sa.select(image_table).where(image_table.c.state == "indexed")).all()
        assert tx.execute(sa.select(retired_vectors)).all() == []
        assert tx.execute(sa.select(built_images)).all() == []
    vectors = world.vectors.fetch_vectors(collection.vector_collection, [row.id for row in rows])
    options = (preprocessing or Preprocessing()).to_dict()
    for row in rows:
        expected = vector_of(Path(row.path).read_bytes(), options)
        assert vectors[row.id] == pytest.approx(expected, abs=1e-6)
        (found,) = world.vectors.search(
            collection.vector_collection, expected[None, :], limit=1, partition=row.partition
        )[0]
        assert found.id == row.id


def test_vectors_are_copied_without_inference_and_the_old_ones_are_dropped(world: World) -> None:
    filled(world)
    old, world.inferences = world.collection(), 0
    job = finish(world, world.submit_reindex(index_type="HNSW"))
    assert (job.state, job.total, job.indexed, world.inferences) == (JobState.SUCCEEDED, 25, 25, 0)
    new = world.collection()
    assert (new.index_type, new.model, new.fingerprint) == ("HNSW", old.model, old.fingerprint)
    assert new.vector_collection != old.vector_collection
    assert not world.vectors.has_collection(old.vector_collection)
    check_whole(world)
    assert world.run(world.root).unchanged == 25, "rows are as they were"


def test_an_empty_collection_is_reindexed_at_once(world: World) -> None:
    world.run(world.root)
    job = finish(world, world.submit_reindex(preprocessing=SMOOTH))
    assert (job.state, job.total) == (JobState.SUCCEEDED, 0)
    assert (world.collection().preprocessing, world.collection().fingerprint) == (SMOOTH, None)
    world.write("a.jpg")
    world.run(world.root)
    check_whole(world, SMOOTH)


def test_another_pipeline_extracts_every_picture_again(world: World) -> None:
    filled(world)
    world.inferences = 0
    job = finish(world, world.submit_reindex(preprocessing=SMOOTH))
    assert (job.state, job.indexed, world.inferences) == (JobState.SUCCEEDED, 25, 25)
    assert world.collection().fingerprint == fingerprint(MODEL, SMOOTH)
    check_whole(world, SMOOTH)
    assert world.run(world.root).unchanged == 25


def test_a_newer_preprocessing_takes_no_picture_before_all_are_extracted_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(world)
    old, world.inferences = world.collection(), 0
    monkeypatch.setattr(pipeline, "PREPROCESSING_VERSION", pipeline.PREPROCESSING_VERSION + 1)
    world.write("new.jpg")
    refused = world.run(world.root)
    assert (refused.unchanged, refused.indexed, refused.failed) == (25, 0, 1)
    assert world.outcomes(refused.id)["new.jpg"] == "wrong_pipeline"
    world.inferences = 0
    assert finish(world, world.submit_reindex()).state is JobState.SUCCEEDED
    assert world.inferences == 25
    assert world.collection().fingerprint == fingerprint(MODEL, Preprocessing()) != old.fingerprint
    assert world.run(world.root).indexed == 1
    check_whole(world)


def test_another_network_takes_the_collection_over(world: World) -> None:
    filled(world)
    world.model = OTHER
    job = finish(world, world.submit_reindex(model=OTHER))
    assert (job.state, world.collection().model) == (JobState.SUCCEEDED, OTHER)
    world.write("new.jpg")
    assert world.run(world.root).indexed == 1
    check_whole(world)


def test_searches_use_the_old_index_until_the_new_one_is_whole(world: World) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    while world.job(job_id).done < 25:
        assert world.collection() == before
        assert world.vectors.count(before.vector_collection, strong=True) == 25
        for batch in world.taken(TaskName.EXTRACT):
            assert isinstance(batch, ExtractBatch)
            index_batch(world.indexer, world.extract(batch))
    assert world.collection() == before
    finish(world, job_id)
    check_whole(world, SMOOTH)


def work_alone(world: World, indexer: Indexer, job_id: str) -> None:
    """Let one process do all of a job, until it has ended or the process dies."""
    while world.job(job_id).finished_at is None:
        plan_job(indexer, PlanJob(job_id))
        for batch in world.taken(TaskName.EXTRACT):
            assert isinstance(batch, ExtractBatch)
            index_batch(indexer, world.extract(batch))


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("extracts", [False, True], ids=["copy", "extract"])
def test_a_builder_may_be_killed_at_any_call(world: World, extracts: bool, before: bool) -> None:
    filled(world, 9)
    preprocessing, deaths, has_died = Preprocessing(), 0, True
    while has_died:
        deaths += 1
        if extracts:
            # Another one each time, so that each build has to extract.
            preprocessing = replace(SMOOTH, border_tolerance=deaths)
        job_id = world.submit_reindex(preprocessing=preprocessing)
        try:
            work_alone(world, on(world, Dying(world.vectors, deaths, before=before)), job_id)
            has_died = False
        except StoreUnavailable:
            assert finish(world, job_id).state == JobState.SUCCEEDED
        check_whole(world, preprocessing)
    assert deaths > 5


def test_two_builders_at_once_and_twice_delivered_batches_leave_what_one_would(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    both = [Thread(target=plan_job, args=(world.indexer, PlanJob(job_id))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    while world.job(job_id).done < 25:
        answers = [
            world.extract(batch) for batch in world.taken(TaskName.EXTRACT) if isinstance(batch, ExtractBatch)
        ]
        for answer in [*answers, *answers[::-1]]:
            index_batch(world.indexer, answer)
    job = finish(world, job_id)
    assert (job.total, job.indexed) == (25, 25)
    check_whole(world, SMOOTH)


def meddle(world: World) -> None:
    """Add, change, move, describe and delete pictures, as jobs and callers do."""
    world.write("004.jpg", content=b"changed")
    world.write("a new one.jpg")
    world.run(world.root)
    world.write("moved.jpg")
    world.run([world.root / "moved.jpg", world.root / "005.jpg"], partition="other", metadata={"year": 2001})
    with world.catalog.transaction() as tx:
        first = tx.execute(sa.select(image_table.c.id).where(image_table.c.path.endswith("/006.jpg"))).scalar_one()
        images.mark_deleting(tx, world.collection().id, [first])
    (world.root / "006.jpg").unlink()
    finish_deletes(world.indexer, world.collection().id)


@pytest.mark.parametrize("preprocessing", [Preprocessing(), SMOOTH], ids=["copy", "extract"])
@pytest.mark.parametrize("method", ["ensure_collection", "upsert", "count", "compact"])
def test_what_is_written_during_a_build_is_in_it(world: World, preprocessing: Preprocessing, method: str) -> None:
    """Writers come in at each kind of call that a builder makes; those of the last round keep them out."""
    filled(world)
    job_id = world.submit_reindex(preprocessing=preprocessing)
    plan_job(on(world, Before(world.vectors, method, lambda: meddle(world))), PlanJob(job_id))
    if not (world.root / "moved.jpg").exists():
        meddle(world)
    job = finish(world, job_id)
    # A picture that was deleted after it was listed is a path that could not be filled in.
    assert job.state in (JobState.SUCCEEDED, JobState.COMPLETED_WITH_FAILURES)
    assert set(world.outcomes(job_id).values()) <= {"indexed", "removed"}
    assert world.states().get("moved.jpg") == "indexed"
    check_whole(world, preprocessing)
    with world.catalog.transaction() as tx:
        moved = tx.execute(sa.select(image_table).where(image_table.c.path.endswith("/005.jpg"))).one()
    assert (moved.partition, moved.metadata) == ("other", {"year": 2001})


def test_writers_and_builders_at_the_same_time(world: World) -> None:
    """Several reindexes in a row, while jobs add, change, move and delete pictures on threads of their own."""
    filled(world)
    errors: list[BaseException] = []

    def write(index: int) -> None:
        mine = replace(world, outbox=[], progress=InMemoryProgressBoard())
        folder = world.root / f"writer {index}"
        try:
            for round_ in range(5):
                mine.write(f"{folder.name}/{round_}.jpg", content=f"{index} added {round_}".encode())
                mine.write(f"{folder.name}/changes.jpg", content=f"{index} changed {round_}".encode())
                if round_ == 3:
                    (folder / "1.jpg").unlink()
                mine.run(folder, prune=True, partition=f"{index} {round_ // 2}", metadata={"round": round_})
        except BaseException as error:  # noqa: BLE001 - reported by the test's own thread
            errors.append(error)

    writers = [Thread(target=write, args=(index,)) for index in range(2)]
    for writer in writers:
        writer.start()
    options = [Preprocessing(), SMOOTH, SMOOTH, Preprocessing()]
    for preprocessing in options:
        job_id = world.submit_reindex(preprocessing=preprocessing)
        work_alone(world, world.indexer, job_id)
        assert world.job(job_id).error is None
    for writer in writers:
        writer.join()
    assert errors == []
    until(lambda: not is_anything_open(world))
    check_whole(world, options[-1])
    assert sum(name == "changes.jpg" and state == "indexed" for name, state in named_states(world)) == 2


def is_anything_open(world: World) -> bool:
    """Let reconciliation finish what is open, and tell whether there was anything."""
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    with world.catalog.transaction() as tx:
        return bool(jobs.open_jobs(tx))


def named_states(world: World) -> list[tuple[str, str]]:
    with world.catalog.transaction() as tx:
        rows = tx.execute(sa.select(image_table.c.path, image_table.c.state)).all()
    return [(Path(row.path).name, row.state) for row in rows]


def test_a_description_that_changes_costs_no_second_inference(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    while world.job(job_id).done < 25:
        for batch in world.taken(TaskName.EXTRACT):
            assert isinstance(batch, ExtractBatch)
            index_batch(world.indexer, world.extract(batch))
    world.inferences = 0
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(image_table).values(partition="all"))
    finish(world, job_id)
    assert world.inferences == 0
    check_whole(world, SMOOTH)


def test_the_switch_waits_for_a_batch_that_is_being_written(world: World) -> None:
    filled(world)
    world.write("late.jpg")
    late = world.submit(world.root)
    world.plan(late)
    (batch,) = [message for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]
    job_id = world.submit_reindex()
    old = world.collection().vector_collection
    builder = Thread(target=plan_job, args=(world.indexer, PlanJob(job_id)))

    def build_meanwhile() -> None:
        builder.start()
        until(lambda: is_somebody_waiting(world))
        assert world.collection().vector_collection == old

    # The batch's transaction holds the collection while its vectors are written.
    index_batch(on(world, Before(world.vectors, "upsert", build_meanwhile)), world.extract(batch))
    builder.join()
    finish(world, job_id)
    assert world.collection().vector_collection != old
    assert world.states()["late.jpg"] == "indexed"
    check_whole(world)


def is_somebody_waiting(world: World) -> bool:
    with world.catalog.transaction() as tx:
        waiting = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return tx.execute(waiting).scalar_one() > 0


def test_a_picture_deleted_before_its_batch_of_a_build_was_sent_is_left_out(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    # Without room in the window, batches are cut and wait.
    no_room = replace(world.indexer, settings=world.settings.model_copy(update={"window": 0}))
    plan_job(no_room, PlanJob(job_id))
    assert not world.taken(TaskName.EXTRACT)
    with world.catalog.transaction() as tx:
        first = tx.execute(sa.select(image_table.c.id).order_by(image_table.c.id).limit(1)).scalar_one()
        images.mark_deleting(tx, world.collection().id, [first])
    finish_deletes(world.indexer, world.collection().id)
    job = finish(world, job_id)
    assert (job.state, job.failed, job.indexed) == (JobState.COMPLETED_WITH_FAILURES, 1, 24)
    check_whole(world, SMOOTH)


def test_a_batch_of_the_old_pipeline_is_extracted_again(world: World) -> None:
    filled(world)
    world.write("late.jpg")
    late = world.submit(world.root)
    world.plan(late)
    (batch,) = [message for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]
    answer = world.extract(batch)
    work_alone(world, world.indexer, world.submit_reindex(preprocessing=SMOOTH))
    index_batch(world.indexer, answer)
    assert world.states()["late.jpg"] == "pending"
    world.work()
    assert world.job(late).state == JobState.SUCCEEDED
    check_whole(world, SMOOTH)


def test_a_picture_that_cannot_be_read_again_leaves_the_index_and_can_be_retried(world: World) -> None:
    filled(world)
    lost = world.root / "003.jpg"
    content = lost.read_bytes()
    lost.unlink()
    world.write("004.jpg", content=BAD)
    world.write("005.jpg", content=b"changed on the disk")
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    assert set(world.states().values()) == {"indexed"}, "nothing changes before the switch"
    job = finish(world, job_id)
    assert (job.state, job.indexed, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 23, 2)
    assert {name for name, state in world.states().items() if state == "failed"} == {"003.jpg", "004.jpg"}
    check_whole(world, SMOOTH)
    lost.write_bytes(content)
    world.write("004.jpg", content=b"whole again")
    with world.catalog.transaction() as tx:
        jobs.reopen(tx, job_id)
    job = finish(world, job_id)
    assert (job.state, job.indexed) == (JobState.SUCCEEDED, 25)
    check_whole(world, SMOOTH)


def test_an_index_is_never_emptied(world: World) -> None:
    filled(world)
    before = world.collection()
    world.root.rename(world.root.with_name("away"))
    job = finish(world, world.submit_reindex(preprocessing=SMOOTH))
    world.root.with_name("away").rename(world.root)
    assert job.state == JobState.FAILED
    assert "None of 25 pictures" in (job.error or "")
    assert world.collection() == before
    check_whole(world)


def refused_reindex(world: World) -> str:
    """Return the job of a build that a worker with another network has given its first answer to."""
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    batch, *_ = [message for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]
    index_batch(world.indexer, world.extract(batch, model=OTHER))
    return job_id


def test_a_worker_of_another_network_fails_the_job_and_not_the_index(world: World) -> None:
    filled(world)
    before = world.collection()
    job_id = refused_reindex(world)
    job = finish(world, job_id)
    assert job.state == JobState.FAILED
    assert "network" in (job.error or "")
    assert world.collection() == before
    check_whole(world)


@pytest.mark.parametrize("step", ["cancel_unplanned", "cancel_batch"])
def test_a_build_that_is_given_up_may_be_killed_on_the_way(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    filled(world)
    before = world.collection()
    job_id = refused_reindex(world)
    with monkeypatch.context() as patched:

        def die(*_: object) -> None:
            raise StoreUnavailable("postgres", "killed in this test")

        patched.setattr(ledger, step, die)
        with pytest.raises(StoreUnavailable):
            plan_job(world.indexer, PlanJob(job_id))
    assert finish(world, job_id).state == JobState.FAILED
    assert world.collection() == before
    finish(world, world.submit_reindex())
    check_whole(world)


def test_only_one_reindex_of_a_collection_at_a_time(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex()
    with pytest.raises(Conflict):
        world.submit_reindex()
    finish(world, job_id)
    finish(world, world.submit_reindex())
    check_whole(world)


@pytest.mark.parametrize("preprocessing", [Preprocessing(), SMOOTH], ids=["copy", "extract"])
def test_cancelling_drops_what_was_built(world: World, preprocessing: Preprocessing) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex(preprocessing=preprocessing)
    with world.catalog.transaction() as tx:
        build = builds.get(tx, job_id)
    assert build is not None
    # Killed in the middle of the last round, or with batches on their way.
    indexer = on(world, Dying(world.vectors, 8, before=False))
    with suppress(StoreUnavailable):
        plan_job(indexer, PlanJob(job_id))
    assert world.vectors.has_collection(build.vector_collection)
    assert world.job(job_id).finished_at is None
    late = [
        world.extract(message) for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)
    ]
    with world.catalog.transaction() as tx:
        jobs.cancel(tx, job_id)
    close_cancelled(world.indexer, CancelJob(job_id).job_id)
    for answer in late:
        index_batch(world.indexer, answer)
    job = world.job(job_id)
    assert (job.state, job.done) == (JobState.CANCELLED, job.total)
    assert job.finished_at is not None
    assert not world.vectors.has_collection(build.vector_collection)
    assert world.collection() == before
    check_whole(world)


def test_a_paused_build_stands_still_until_it_is_resumed(world: World) -> None:
    filled(world)
    before = world.collection()
    job_id = world.submit_reindex()
    with world.catalog.transaction() as tx:
        jobs.pause(tx, job_id)
    plan_job(world.indexer, PlanJob(job_id))
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.collection() == before
    with world.catalog.transaction() as tx:
        jobs.resume(tx, job_id)
    assert finish(world, job_id).state == JobState.SUCCEEDED
    check_whole(world)


def test_a_build_whose_message_was_lost_is_asked_for_again(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    impatient = replace(world.indexer, settings=world.settings.model_copy(update={"plan_seconds": 0.0}))
    turns = 0
    while world.job(job_id).finished_at is None:
        turns += 1
        assert turns < 100
        for _ in world.taken(TaskName.PLAN)[:1]:
            plan_job(impatient, PlanJob(job_id))
        world.taken(TaskName.PLAN)
        for batch in world.taken(TaskName.EXTRACT):
            assert isinstance(batch, ExtractBatch)
            index_batch(world.indexer, world.extract(batch))
        world.taken(TaskName.PLAN)
        reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    check_whole(world, SMOOTH)


def test_replaced_vectors_stay_for_searches_that_have_begun(world: World) -> None:
    filled(world)
    old = world.collection().vector_collection
    patient = replace(world, settings=world.settings.model_copy(update={"retire_seconds": 3600.0}))
    finish(patient, patient.submit_reindex())
    assert world.vectors.search(old, vector_of(b"003.jpg")[None, :], limit=1)[0][0].distance < 0.001
    with world.catalog.transaction() as tx:
        tx.execute(sa.update(retired_vectors).values(drop_after=sa.func.now()))
    findings = reconcile(world.indexer, Reconcile(dry_run=False, deep=False)).findings
    assert [(finding.kind, finding.count) for finding in findings] == [("vectors_retired", 1)]
    assert not world.vectors.has_collection(old)
    check_whole(world)


def test_a_comparison_that_began_before_the_switch_repairs_nothing(world: World) -> None:
    filled(world)
    world.inferences = 0

    def switch() -> None:
        finish(world, world.submit_reindex())

    found = sweep(on(world, Before(world.vectors, "ids", switch)), dry_run=False)
    assert [one.count for one in found] == [0, 0]
    assert (set(world.states().values()), world.inferences) == ({"indexed"}, 0)
    check_whole(world)


def test_vectors_that_nobody_recorded_are_removed_before_the_switch(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex()
    with world.catalog.transaction() as tx:
        build = builds.get(tx, job_id)
    assert build is not None

    def stray() -> None:
        made: Any = np.stack([vector_of(b"stray")])
        world.vectors.upsert(build.vector_collection, [10**9], made, [""], [{}])

    plan_job(on(world, Before(world.vectors, "compact", stray)), PlanJob(job_id))
    assert world.job(job_id).state == JobState.SUCCEEDED
    check_whole(world)


def test_a_deleted_collection_takes_its_build_along(world: World) -> None:
    filled(world)
    collection = world.collection()
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    with world.catalog.transaction() as tx:
        build = builds.get(tx, job_id)
        collections.mark_deleting(tx, collection)
    assert build is not None
    reconcile(world.indexer, Reconcile(dry_run=False, deep=False))
    world.work()
    assert world.job(job_id).state == JobState.CANCELLED
    assert not world.vectors.has_collection(build.vector_collection)
    assert not world.vectors.has_collection(collection.vector_collection)
