"""What is added, changed, moved, described or deleted while an index is built is in it."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread

import pytest
import sqlalchemy as sa

from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import ExtractBatch, JobState, PlanJob, TaskName
from imagesearch.messaging.progress import InMemoryProgressBoard
from imagesearch.pipeline import Preprocessing
from imagesearch_indexer.batches import index_batch
from imagesearch_indexer.tasks import plan_job
from support.dying import Before
from support.reindexing import (
    SMOOTH,
    check_whole,
    filled,
    finish,
    is_anything_open,
    meddle,
    named_states,
    on,
    work_alone,
)
from support.waiting import until
from support.world import World

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("preprocessing", [Preprocessing(), SMOOTH], ids=["copy", "extract"])
@pytest.mark.parametrize("method", ["ensure_collection", "upsert", "keys", "compact"])
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


def test_a_description_that_changes_costs_no_second_inference(world: World) -> None:
    filled(world)
    job_id = world.submit_reindex(preprocessing=SMOOTH)
    plan_job(world.indexer, PlanJob(job_id))
    while world.job(job_id).done < 25:
        for batch in world.taken(TaskName.EXTRACT):
            assert isinstance(batch, ExtractBatch)
            index_batch(world.indexer, world.extract(batch))
    world.inferences = 0
    writer = replace(world, outbox=[], progress=InMemoryProgressBoard())
    assert writer.run(world.root, partition="all").indexed == 25
    finish(world, job_id)
    assert world.inferences == 0
    check_whole(world, SMOOTH)
