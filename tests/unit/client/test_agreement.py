"""Client and API agree: what the API shapes, the client reads; what the API refuses, the client explains."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from flask import Flask

from imagesearch.catalog.collection import Collection as Stored
from imagesearch.catalog.images import Image as StoredImage
from imagesearch.catalog.states import CollectionState
from imagesearch.contract import JobState
from imagesearch.job_progress import JobProgress
from imagesearch.pipeline import Preprocessing
from imagesearch_api.app import create_app
from imagesearch_api.models.responses.base import Answer
from imagesearch_api.models.responses.collections import Collection as CollectionAnswer
from imagesearch_api.models.responses.images import Image as ImageAnswer
from imagesearch_api.models.responses.jobs import Job as JobAnswer
from imagesearch_api.models.responses.search import Result as ResultAnswer
from imagesearch_api.settings import ApiSettings
from imagesearch_client import ApiError, Client, Collection, FieldError, Image, Job, Result
from support.api_twin import services_of

NOW = datetime(2025, 5, 1, 10, 0, tzinfo=UTC)


@pytest.fixture
def services() -> Any:
    """Stand in for the stores: nothing here comes as far as asking them."""
    return services_of(ApiSettings(public_url="http://pictures.test", allowed_hosts=("api.test",)))


@pytest.fixture
def app(services: Any) -> Flask:
    return create_app(services)


@pytest.fixture
def client(app: Flask) -> Iterator[Client]:
    with Client("http://api.test", transport=httpx.WSGITransport(app=app)) as client:
        yield client


def sent(answer: Answer) -> Any:
    """Return an answer as it arrives."""
    return json.loads(answer.to_json())


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("ended", [True, False])
def test_a_job_is_read_as_the_api_shapes_it(state: JobState, ended: bool) -> None:
    progress = JobProgress(
        job_id="6a1f",
        collection="default",
        directory="/photos",
        state=state,
        total=10,
        indexed=1,
        unchanged=2,
        failed=3,
        cancelled=4,
        removed=5,
        rate=2.5,
        stalled=True,
        error="the source has vanished",
        created_at=NOW.timestamp(),
        started_at=NOW.timestamp() + 1,
        finished_at=NOW.timestamp() + 5 if ended else None,
        revision=7,
        published_at=NOW.timestamp(),
    )

    read = Job.parse(sent(JobAnswer.of(progress)))

    assert dataclasses.asdict(read).items() >= {
        "id": "6a1f",
        "source": "/photos",
        "state": str(state),
        "total": 10,
        "indexed": 1,
        "unchanged": 2,
        "failed": 3,
        "cancelled": 4,
        "removed": 5,
        "rate": 2.5,
        "stalled": True,
        "error": "the source has vanished",
        "created_at": NOW,
    }.items()  # fmt: skip
    assert read.ended is ended
    assert read.seconds == (5.0 if ended else None)


def test_a_collection_is_read_as_the_api_shapes_it() -> None:
    stored = Stored(
        id=1,
        name="cats",
        dimension=512,
        metric="COSINE",
        network="vgg16",
        model="vgg16-max-512:ab",
        fingerprint="ab12",
        preprocessing=Preprocessing(trim_borders=False),
        index_type="HNSW",
        index_params={"M": 16},
        vector_collection="imagesearch_1",
        state=CollectionState.ACTIVE,
        created_at=NOW,
    )

    read = Collection.parse(sent(CollectionAnswer.of(stored, 3, None)))

    assert read == Collection(
        name="cats",
        images=3,
        vectors=None,
        network="vgg16",
        dimension=512,
        input_side=224,
        model="vgg16-max-512:ab",
        fingerprint="ab12",
        index_type="HNSW",
        index_params={"M": 16},
        preprocessing={"resize": "nearest", "trim_borders": False, "border_tolerance": 10},
        created_at=NOW,
        pipeline=None,
        pooling="max",
        bands={"same": 0.04, "near": 0.1, "similar": 0.28},
    )


def test_pictures_are_read_as_the_api_shapes_them() -> None:
    known: dict[str, Any] = {
        "id": 4,
        "path": "/photos/cat.jpg",
        "state": "indexed",
        "sha256": "ab" * 32,
        "size_bytes": 1234,
        "width": 640,
        "height": 480,
        "format": "JPEG",
        "partition": "",
        "metadata": {"year": 2020},
        "indexed_at": NOW,
    }
    unknown: dict[str, Any] = {field.name: None for field in dataclasses.fields(StoredImage)}
    stored = StoredImage(**{**unknown, "created_at": NOW, "own_key": "sku-1", **known})

    url = "http://pictures.test/api/v2/images/4/file"
    image = Image.parse(sent(ImageAnswer.of(stored, "cats", url)))
    result = Result.parse(sent(ResultAnswer.of(stored, 0.25, url, "", {"metadata"})))

    assert dataclasses.asdict(image) == {**known, "collection": "cats", "url": url, "key": "sku-1", "vector": None}
    assert result == Result(4, "/photos/cat.jpg", url, 0.25, {"year": 2020}, key="sku-1")


def test_the_api_is_healthy(client: Client) -> None:
    assert client.healthy()


def test_a_wrong_field_is_named(client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        client.submit_job("/photos", collection="no/slash")

    assert caught.value.status == 400
    assert [error.field for error in caught.value.errors] == ["collection"]
    assert str(caught.value).startswith("collection: ")


def test_a_search_without_a_picture_is_refused_by_name(client: Client) -> None:
    with pytest.raises(ApiError, match="the file is empty") as caught:
        client.search("default", b"")

    assert caught.value.errors == (FieldError("image", "the file is empty"),)


def test_a_job_that_cannot_be_is_not_found(client: Client) -> None:
    with pytest.raises(ApiError, match="There is no job") as caught:
        client.job("no-such-job")

    assert (caught.value.status, caught.value.title) == (404, "Not Found")
