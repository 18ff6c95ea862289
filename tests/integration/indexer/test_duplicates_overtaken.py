"""Look for duplicates while images are written anew."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from imagesearch.catalog import keys, naming
from imagesearch.catalog.naming import Named
from imagesearch.catalog.tables import images as image_table
from imagesearch.contract import JobState, PlanJob
from imagesearch_indexer.tasks import plan_job
from integration.indexer.reindex.test_builder import on
from integration.indexer.test_duplicates import found, submit
from support.dying import Before
from support.world import World, vector_of

pytestmark = pytest.mark.integration


def test_an_image_that_is_written_anew_meanwhile_is_no_duplicate_of_itself(world: World) -> None:
    world.write("1.jpg", "2.jpg")
    world.run(world.root)
    collection = world.collection()

    def write_anew() -> None:
        """Give a picture the same vector under another key."""
        with world.catalog.transaction() as tx:
            wanted = tx.execute(sa.select(image_table.c.id).order_by(image_table.c.id).limit(1)).scalars()
            [row] = naming.lock(tx, collection, wanted).values()
            [key] = keys.draw(tx, 1)
            name = row.path.rpartition("/")[2]
            vectors = vector_of(name.encode())[None, :]
            world.vectors.upsert(collection.vector_collection, [key], vectors, [""], [{}])
            naming.name(tx, collection, [Named(row, key, "", {})])
        world.vectors.count(collection.vector_collection, strong=True)

    job_id = submit(world)
    plan_job(on(world, Before(world.vectors, "search", write_anew)), PlanJob(job_id))
    world.plan(job_id)
    assert world.job(job_id).state is JobState.SUCCEEDED
    assert found(world, job_id) == []
