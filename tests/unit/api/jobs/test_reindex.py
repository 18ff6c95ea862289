"""With which network a collection is reindexed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from imagesearch.catalog.collection import Collection
from imagesearch.catalog.states import CollectionState
from imagesearch.errors import Conflict
from imagesearch.pipeline import Preprocessing
from imagesearch_api.jobs.reindex import model_to_build_with


def collection(model: str | None) -> Collection:
    return Collection(
        id=1,
        name="cats",
        dimension=512,
        metric="COSINE",
        network="vgg16",
        model=model,
        fingerprint=None,
        preprocessing=Preprocessing(),
        index_type="FLAT",
        index_params={},
        vector_collection="imagesearch_1",
        state=CollectionState.ACTIVE,
        created_at=datetime(2025, 5, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("built_with", "running", "expected"),
    [
        ("a", {"a"}, "a"),
        ("a", {"a", "b"}, "a"),
        ("a", set(), "a"),
        ("a", {"b"}, "b"),
        (None, {"b"}, None),
        (None, set(), None),
    ],
)
def test_the_network_is_the_collections_own_where_a_worker_runs_it(
    built_with: str | None, running: set[str], expected: str | None
) -> None:
    assert model_to_build_with(collection(built_with), "vgg16", running) == expected


def test_workers_of_several_other_networks_leave_no_choice() -> None:
    with pytest.raises(Conflict, match="several networks"):
        model_to_build_with(collection("a"), "vgg16", {"b", "c"})


@pytest.mark.parametrize("running", [set[str](), {"r"}])
def test_another_network_is_built_with_what_its_workers_run(running: set[str]) -> None:
    for built_with in (None, "a"):
        assert model_to_build_with(collection(built_with), "resnet50", running) == next(iter(running), None)
    with pytest.raises(Conflict, match="several networks"):
        model_to_build_with(collection(None), "resnet50", {"r", "s"})
