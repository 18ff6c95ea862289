"""Nothing of a collection is shown from the moment at which its deletion is acknowledged."""

from __future__ import annotations

from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from imagesearch.catalog import collections, image_queries, jobs
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import JobKind
from imagesearch.files.roots import Roots
from imagesearch.worker.registry import WorkerReport
from imagesearch_api.app import create_app
from support.api_twin import services_of
from support.drawing import encoded, photo_like
from support.world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def image_ids(world: World) -> list[int]:
    """Two images of one content."""
    world.write("a.jpg", "b.jpg", content=encoded(photo_like(1)))
    world.run(world.root)
    with world.catalog.transaction() as tx:
        return [
            row.id for row in image_queries.listing(tx, world.collection().id, partition=None, after=0, limit=2)
        ]


class Nobody:
    """Tell of no worker, so that nobody says of weights whether they are random."""

    def alive(self) -> list[WorkerReport]:
        return []


@pytest.fixture
def http(world: World) -> FlaskClient:
    services = services_of(
        catalog=world.catalog, vectors=world.vectors, workers=Nobody(), roots=Roots((world.root,))
    )
    return create_app(services).test_client()


def look_for_duplicates(world: World) -> str:
    """Commit a job that looks for duplicates the way the API does, and return its id."""
    collection = world.collection()
    options = {"max_distance": 0.1, "partition": None, "generation": collection.generation}
    wanted = jobs.NewJob(
        id=str(uuid4()), origin=JobOrigin.V2, directory=None, kind=JobKind.DUPLICATES, options=options
    )
    with world.catalog.transaction() as tx:
        return jobs.create(tx, collection.id, wanted).id


def statuses(http: FlaskClient, image_ids: list[int], job_id: str) -> dict[str, int]:
    """Return what every way to an image by its id answers."""
    first, second = ({"image_id": image_id} for image_id in image_ids)
    image = f"/api/v2/images/{image_ids[0]}"
    answers = {
        "image": http.get(f"/api/v2/collections/default/images/{image_ids[0]}"),
        "file": http.get(f"{image}/file"),
        "range": http.get(f"{image}/file", headers={"Range": "bytes=0-9"}),
        "thumbnail": http.get(f"{image}/thumbnail"),
        "compare": http.post("/api/v2/compare", json={"a": first, "b": second}),
        "search": http.post("/api/v2/collections/default/search", json=first),
        "duplicates": http.get(f"/api/v2/jobs/{job_id}/duplicates"),
    }
    found = {name: answer.status_code for name, answer in answers.items()}
    for answer in answers.values():
        answer.close()
    return found


def test_every_way_to_an_image_ends_when_its_collection_is_being_deleted(
    world: World, http: FlaskClient, image_ids: list[int]
) -> None:
    job_id = look_for_duplicates(world)
    world.plan(job_id)
    before = statuses(http, image_ids, job_id)
    assert before == {**dict.fromkeys(before, 200), "range": 206}
    with world.catalog.transaction() as tx:
        collections.mark_deleting(tx, world.collection())
    after = statuses(http, image_ids, job_id)
    assert after == dict.fromkeys(before, 404)
