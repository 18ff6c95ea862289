"""Build an index beside the one in use: copied or extracted, complete, and switched to whole."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread

import numpy as np
import pytest

from imagesearch import pipeline
from imagesearch.contract import ExtractBatch, JobState, PlanJob, Reconcile, TaskName
from imagesearch.errors import Conflict, StoreUnavailable
from imagesearch.pipeline import Preprocessing, fingerprint
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.reconcile.run import reconcile
from imagesearch_indexer.tasks import plan_job
from support.dying import Dying
from support.reindexing import (
    OTHER,
    SMOOTH,
    check_whole,
    filled,
    finish,
    on,
    work_alone,
)
from support.world import MODEL, World

pytestmark = pytest.mark.integration


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


def test_only_one_reindex_of_a_collection_at_a_time(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex()
    with pytest.raises(Conflict):
        world.submit_reindex()
    finish(world, job_id)
    finish(world, world.submit_reindex())
    check_whole(world)


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


def test_vectors_that_are_wrong_are_made_again_from_the_files(world: World) -> None:
    filled(world)
    collection = world.collection()
    keys = world.vectors.keys(collection.vector_collection)
    wrong = np.zeros((len(keys), 512), np.float32)
    wrong[:, 0] = 1.0
    labels = {"partitions": [""] * len(keys), "metadata": [{"year": 1999}] * len(keys)}
    world.vectors.upsert(collection.vector_collection, keys, wrong, **labels)
    world.inferences = 0
    job = finish(world, world.submit_reindex(extract=True))
    assert (job.state, job.indexed, world.inferences) == (JobState.SUCCEEDED, 25, 25)
    assert world.collection().fingerprint == collection.fingerprint
    check_whole(world)
    assert world.run(world.root).unchanged == 25, "rows are as they were"
