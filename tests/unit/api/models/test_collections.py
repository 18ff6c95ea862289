"""What may be said of a collection, and with which network it is reindexed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from imagesearch.catalog.collections import Collection
from imagesearch.errors import Conflict
from imagesearch.pipeline import Preprocessing
from imagesearch.vectors import Capabilities, InMemoryVectorStore
from imagesearch_api.http.problems import BadField
from imagesearch_api.jobs.reindex import network_to_build_with
from imagesearch_api.models.collections import CollectionBody, ReindexBody, checked_alias, checked_index


class SmallStore(InMemoryVectorStore):
    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("Small Store 1.0", frozenset({"FLAT", "HNSW"}), partition_key=False, one_writer=True)


def test_an_index_that_the_store_builds_is_taken() -> None:
    assert checked_index("HNSW", {"M": 16}, SmallStore()).params == {"M": 16}


def test_an_index_that_the_store_cannot_build_is_refused_with_those_that_it_can() -> None:
    with pytest.raises(BadField, match="builds FLAT, HNSW") as caught:
        checked_index("DISKANN", {}, SmallStore())
    assert caught.value.field == "index_type"


@pytest.mark.parametrize("params", [{"M": 3}, {"M": 16.5}, {"M": "16"}, {"M": True}, {"nlist": 4}, {"M": [16]}])
def test_a_parameter_that_cannot_be_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(BadField) as caught:
        checked_index("HNSW", params, SmallStore())
    assert caught.value.field == "index_params"


@pytest.mark.parametrize("metric", ["L2", "IP", "cosine", ""])
def test_cosine_is_the_only_metric(metric: str) -> None:
    with pytest.raises(ValidationError, match="COSINE is the only one"):
        CollectionBody.model_validate({"name": "cats", "metric": metric})


def test_a_new_collection_fills_its_preprocessing_up_with_defaults() -> None:
    body = CollectionBody.model_validate({"name": "cats", "preprocessing": {"trim_borders": False}})
    assert body.preprocessing == Preprocessing(trim_borders=False).to_dict()


def test_a_reindex_leaves_what_it_does_not_name() -> None:
    body = ReindexBody.model_validate({"preprocessing": {"trim_borders": False}})
    assert body.preprocessing == {"trim_borders": False}
    assert (body.index_type, body.index_params) == (None, None)


@pytest.mark.parametrize(
    "options", [{"resize": "magic"}, {"resize": ["nearest"]}, {"border_tolerance": 65}, {"x": 1}]
)
def test_preprocessing_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    for model, others in ((CollectionBody, {"name": "cats"}), (ReindexBody, {})):
        with pytest.raises(ValidationError) as caught:
            model.model_validate({**others, "preprocessing": options})
        assert [error["loc"] for error in caught.value.errors()] == [("preprocessing",)]


@pytest.mark.parametrize("alias", ["", "a b", ".hidden", "a/b", "x" * 101, "ä", "a\n"])
def test_an_alias_is_a_plain_name(alias: str) -> None:
    with pytest.raises(BadField):
        checked_alias(alias)


def collection(model: str | None) -> Collection:
    return Collection(
        id=1,
        name="cats",
        dimension=512,
        metric="COSINE",
        model=model,
        fingerprint=None,
        preprocessing=Preprocessing(),
        index_type="FLAT",
        index_params={},
        vector_collection="imagesearch_1",
        state="active",
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
    assert network_to_build_with(collection(built_with), running) == expected


def test_workers_of_several_other_networks_leave_no_choice() -> None:
    with pytest.raises(Conflict, match="several networks"):
        network_to_build_with(collection("a"), {"b", "c"})
