"""Plan, index, end: one job after another, and messages that come twice, late, or not at all."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from imagesearch.catalog import images, jobs
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import CancelJob, ExtractBatch, IndexBatch, JobState, PlanJob, TaskName
from imagesearch.errors import InvalidMessage
from imagesearch.failures import FailureCode
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.lifecycle.finish import close_cancelled
from imagesearch_indexer.tasks import plan_job
from support.repairing import forget_sent
from support.world import BAD, MODEL, World, vector_of

pytestmark = pytest.mark.integration


def batches_of(world: World) -> list[ExtractBatch]:
    return [message for message in world.taken(TaskName.EXTRACT) if isinstance(message, ExtractBatch)]


def test_every_file_of_a_directory_ends_indexed(world: World) -> None:
    world.write(*(f"folder/{index}.jpg" for index in range(10)))
    job = world.run(world.root)
    assert (job.state, job.total, job.indexed) == (JobState.SUCCEEDED, 10, 10)
    assert set(world.outcomes(job.id).values()) == {"indexed"}
    world.check()


def test_an_unchanged_directory_costs_no_inference(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    world.inferences = 0
    job = world.run(world.root)
    assert (job.state, job.unchanged, job.indexed, world.inferences) == (JobState.SUCCEEDED, 2, 0, 0)


def test_a_touched_file_costs_no_inference_and_is_known_the_next_time(world: World) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    world.inferences = 0
    os.utime(path, ns=(1, 1))
    job = world.run(world.root)
    assert (job.unchanged, world.inferences) == (1, 0)
    assert world.run(world.root).unchanged == 1
    assert not world.outbox


def test_a_changed_file_keeps_its_id_and_gets_its_new_vector(world: World) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    collection = world.collection()
    before = image_ids(world)
    path.write_bytes(b"new content")
    job = world.run(world.root)
    assert (job.indexed, image_ids(world)) == (1, before)
    (key,) = world.keys("a.jpg")
    assert key is not None
    fetched = world.vectors.fetch_vectors(collection.vector_collection, [key])
    assert fetched[key] == pytest.approx(vector_of(b"new content"), abs=1e-6)
    world.check()


def test_a_bad_file_costs_only_itself(world: World) -> None:
    world.write("good.jpg")
    world.write("bad.jpg", content=BAD)
    job = world.run(world.root)
    assert (job.state, job.indexed, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 1, 1)
    assert world.outcomes(job.id) == {"good.jpg": "indexed", "bad.jpg": "unreadable"}
    assert world.states() == {"good.jpg": "indexed", "bad.jpg": "failed"}
    world.check()


def test_an_indexed_picture_whose_file_became_garbage_leaves_the_index(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    world.run(world.root)
    world.write("a.jpg", content=BAD)
    job = world.run(world.root)
    assert world.outcomes(job.id) == {"a.jpg": "unreadable", "b.jpg": "unchanged"}
    assert world.states() == {"a.jpg": "failed", "b.jpg": "indexed"}
    world.check()


def test_an_indexed_picture_that_cannot_be_reached_stays(world: World) -> None:
    (path,) = world.write("a.jpg")
    world.run(world.root)
    path.write_bytes(b"changed")
    job_id = world.submit(world.root)
    world.plan(job_id)
    path.unlink()
    world.work()
    assert world.outcomes(job_id) == {"a.jpg": "vanished"}
    assert world.states() == {"a.jpg": "indexed"}
    world.check()


def test_a_batch_that_is_delivered_twice_counts_once(world: World) -> None:
    world.write(*(f"{index}.jpg" for index in range(8)))
    job_id = world.submit(world.root)
    world.plan(job_id)
    answers = [world.extract(batch) for batch in batches_of(world)]
    for answer in [*answers, *answers[::-1]]:
        index_batch(world.indexer, answer)
    job = world.job(job_id)
    assert (job.state, job.indexed, job.total) == (JobState.SUCCEEDED, 8, 8)
    world.check()


def test_an_older_reading_never_replaces_a_newer_one(world: World) -> None:
    (path,) = world.write("a.jpg")
    first, second = world.submit(world.root), None
    world.plan(first)
    old = [world.extract(batch) for batch in batches_of(world)]
    path.write_bytes(b"newer content")
    forget_sent(world)
    second = world.submit(world.root)
    world.plan(second)
    new = [world.extract(batch) for batch in batches_of(world)]
    for answer in [*new, *old]:
        index_batch(world.indexer, answer)
    assert world.job(first).finished_at is None, "the picture is read again"
    world.work()
    assert world.job(first).state == world.job(second).state == JobState.SUCCEEDED
    world.check()
    name = world.collection().vector_collection
    (key,) = world.vectors.keys(name)
    assert world.vectors.fetch_vectors(name, [key])[key] == pytest.approx(vector_of(b"newer content"), abs=1e-6)
    assert world.run(world.root).unchanged == 1
    world.check()


def test_a_batch_that_workers_with_other_weights_took_first_goes_to_those_who_were_faster(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    job_ids = [world.submit([world.root / name]) for name in ("a.jpg", "b.jpg")]
    for job_id in job_ids:
        world.plan(job_id)
    first, second = batches_of(world)
    assert [world.queues[batch.batch_id] for batch in (first, second)] == ["extract.vgg16"] * 2
    index_batch(world.indexer, world.extract(first))
    index_batch(world.indexer, world.extract(second, model="vgg16-max-512:other"))
    assert world.outcomes(job_ids[1]) == {"b.jpg": None}
    (again,) = batches_of(world)
    assert (again.model, world.queues[again.batch_id]) == (MODEL, "extract.vgg16.test")
    index_batch(world.indexer, world.extract(again))
    assert world.outcomes(job_ids[1]) == {"b.jpg": "indexed"}
    world.check()


@pytest.mark.parametrize("model", ["resnet50-max-2048:test", "vgg16-max-64:test"])
def test_vectors_of_a_network_that_a_collection_was_not_made_for_are_refused(world: World, model: str) -> None:
    world.write("a.jpg")
    job_id = world.submit(world.root)
    world.plan(job_id)
    (batch,) = batches_of(world)
    index_batch(world.indexer, world.extract(batch, model=model))
    assert world.outcomes(job_id) == {"a.jpg": "wrong_pipeline"}
    assert world.collection().model is None
    world.check()


def test_an_answer_that_leaves_pictures_out_is_refused_and_nothing_is_counted(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    job_id = world.submit(world.root)
    world.plan(job_id)
    (batch,) = batches_of(world)
    partial = world.extract(replace(batch, items=batch.items[:1]))
    with pytest.raises(InvalidMessage):
        index_batch(world.indexer, partial)
    assert world.job(job_id).done == 0
    index_batch(world.indexer, world.extract(batch))
    assert world.job(job_id).state == JobState.SUCCEEDED
    world.check()


def test_no_more_batches_are_in_flight_than_the_limit(world: World) -> None:
    # The first answer says for good which network the collection's vectors are of, and so where its batches go.
    world.write("first.jpg")
    world.run(world.root)
    world.write(*(f"{index:03}.jpg" for index in range(60)))
    job_id = world.submit(world.root)
    world.plan(job_id)
    window = world.settings.window
    first = batches_of(world)
    assert len(first) == window
    index_batch(world.indexer, world.extract(first[0]))
    assert len(batches_of(world)) == 1
    for answer in [world.extract(batch) for batch in first]:
        index_batch(world.indexer, answer)
    world.work()
    assert world.job(job_id).done < 60, "the batch that was taken out of the outbox is still on its way"


def test_planning_goes_on_behind_the_place_where_it_was_killed(world: World) -> None:
    world.write(*(f"{index:03}.jpg" for index in range(30)))
    job_id = world.submit(world.root)
    impatient = replace(world.indexer, settings=world.settings.model_copy(update={"plan_seconds": 0.0}))
    turns = 0
    while world.job(job_id).state == JobState.PLANNING:
        plan_job(impatient, PlanJob(job_id))
        world.taken(TaskName.PLAN)
        turns += 1
        if turns == 1:
            # A turn without any time still writes nothing; the next planner has some.
            impatient = world.indexer
    assert world.job(job_id).total == 30
    world.work()
    assert world.job(job_id).indexed == 30
    world.check()


def test_two_planners_of_one_job_list_nothing_twice(world: World) -> None:
    world.write(*(f"{index:03}.jpg" for index in range(25)))
    job_id = world.submit(world.root)
    plan_job(world.indexer, PlanJob(job_id))
    plan_job(world.indexer, PlanJob(job_id))
    world.work()
    job = world.job(job_id)
    assert (job.total, job.indexed) == (25, 25)
    world.check()


def test_a_directory_that_vanished_before_planning_fails_the_job(world: World, tmp_path: Path) -> None:
    folder = world.root / "gone"
    folder.mkdir()
    job_id = world.submit(folder)
    folder.rmdir()
    world.plan(job_id)
    job = world.job(job_id)
    assert (job.state, job.total) == (JobState.FAILED, 0)
    assert job.error


def test_an_empty_directory_succeeds_at_once(world: World) -> None:
    job = world.run(world.root)
    assert (job.state, job.total) == (JobState.SUCCEEDED, 0)
    assert job.finished_at is not None


def test_a_list_is_planned_from_the_ledger_and_gives_each_path_its_outcome(world: World) -> None:
    good, bad = world.write("good.jpg")[0], world.write("bad.jpg", content=BAD)[0]
    job = world.run([good, bad, world.root / "missing.jpg", Path("/etc/passwd"), good])
    assert world.outcomes(job.id) == {
        "good.jpg": "indexed",
        "bad.jpg": "unreadable",
        "missing.jpg": "vanished",
        "passwd": "forbidden",
    }
    world.check()


def test_partition_and_metadata_of_a_job_reach_row_and_vector_without_leaving_the_old_ones(world: World) -> None:
    world.write("a.jpg")
    world.run(world.root, partition="one", metadata={"year": 1999})
    job = world.run(world.root, partition="two")
    assert job.indexed == 1
    name = world.collection().vector_collection
    query = vector_of(b"a.jpg")[None, :]
    world.collect()
    assert world.vectors.search(name, query, limit=5, partition="one") == [[]]
    (hit,) = world.vectors.search(name, query, limit=5, partition="two")[0]
    with world.catalog.transaction() as tx:
        row = images.by_keys(tx, world.collection().id, [hit.key])[hit.key]
    assert (row.partition, row.metadata) == ("two", {"year": 1999})
    assert world.run(world.root).unchanged == 1


def test_a_job_that_is_cancelled_drops_what_arrives_late(world: World) -> None:
    world.write(*(f"{index}.jpg" for index in range(9)))
    job_id = world.submit(world.root)
    world.plan(job_id)
    first, *others = [world.extract(batch) for batch in batches_of(world)]
    index_batch(world.indexer, first)
    with world.catalog.transaction() as tx:
        jobs.cancel(tx, job_id)
    index_batch(world.indexer, others[0])
    close_cancelled(world.indexer, CancelJob(job_id).job_id)
    for answer in others:
        index_batch(world.indexer, answer)
    job = world.job(job_id)
    assert job.state == JobState.CANCELLED
    assert job.finished_at is not None
    assert (job.indexed, job.cancelled) == (len(first.images), 9 - len(first.images))
    world.check()


def test_a_picture_deleted_while_its_batch_is_on_its_way_stays_deleted(world: World) -> None:
    world.write("a.jpg", "b.jpg")
    job_id = world.submit(world.root)
    world.plan(job_id)
    (answer,) = [world.extract(batch) for batch in batches_of(world)]
    assert isinstance(answer, IndexBatch)
    world.delete_ids([answer.images[0].image_id])
    index_batch(world.indexer, answer)
    assert sorted(world.outcomes(job_id).values()) == ["indexed", FailureCode.REMOVED.value]
    world.check()


@pytest.mark.parametrize("whole_batch", [False, True], ids=["one picture", "a whole batch"])
def test_pictures_deleted_before_their_batch_was_sent_fail_and_the_rest_goes_on(
    world: World, whole_batch: bool
) -> None:
    world.write(*(f"{index:03}.jpg" for index in range(60)))
    job_id = world.submit(world.root)
    world.plan(job_id)
    sent = [item.image_id for _, batch in world.outbox if isinstance(batch, ExtractBatch) for item in batch.items]
    number = world.settings.batch_size if whole_batch else 1
    unsent = sorted(set(image_ids(world)) - set(sent))[:number]
    world.delete_ids(unsent)
    world.work()
    outcomes = list(world.outcomes(job_id).values())
    assert (outcomes.count(FailureCode.REMOVED), outcomes.count("indexed")) == (number, 60 - number)
    assert world.job(job_id).state == JobState.COMPLETED_WITH_FAILURES
    world.check()


def image_ids(world: World) -> list[int]:
    with world.catalog.transaction() as tx:
        return list(tx.execute(sa.select(image_table.c.id)).scalars())


def test_pruning_removes_rows_whose_files_are_gone_and_only_those(world: World) -> None:
    kept, gone = world.write("kept.jpg", "gone.jpg")
    world.run(world.root)
    other = world.write("elsewhere/other.jpg")[0]
    world.run(other.parent)
    gone.unlink()
    job = world.run(world.root, prune=True)
    assert job.removed == 1
    assert sorted(world.states()) == ["kept.jpg", "other.jpg"]
    assert kept.exists()
    world.check()


def test_pruning_refuses_a_directory_that_lists_as_empty(world: World) -> None:
    (path,) = world.write("folder/a.jpg")
    world.run(path.parent)
    path.unlink()
    job = world.run(path.parent, prune=True)
    assert job.removed == 0
    assert world.states() == {"a.jpg": "indexed"}


def test_a_broker_that_is_away_loses_no_batch(world: World) -> None:
    world.write(*(f"{index}.jpg" for index in range(4)))
    job_id = world.submit(world.root)
    world.is_broker_down = True
    plan_job(world.indexer, PlanJob(job_id))
    assert not world.outbox
    assert world.job(job_id).state == JobState.RUNNING
    assert world.job(job_id).done == 0


def test_names_that_are_no_utf8_and_paths_without_end_fail_with_their_code(world: World) -> None:
    world.write("good.jpg")
    Path(os.fsdecode(os.fsencode(world.root) + b"/\xff\xfe.jpg")).write_bytes(b"x")
    deep = world.root
    for _ in range(11):
        deep = deep / ("d" * 240)
        deep.mkdir()
    (deep / "deep.jpg").write_bytes(b"deep")
    job = world.run(world.root)
    assert (job.total, job.indexed, job.failed) == (3, 1, 2)
    assert sorted(world.outcomes(job.id).values()) == ["indexed", "unsupported_name", "unsupported_name"]
    world.check()
