"""Reading what the API sends: forgiving about what is new, strict about what is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from imagesearch_client import Collection, Image, Info, Job, JobFailure, ProtocolError, SearchResult
from support.fake_api import job


def test_a_job_is_read_with_its_times() -> None:
    read = Job.parse(job(ended=True, state="succeeded"))

    assert read.id == "17"
    assert read.started_at == datetime(2025, 5, 1, 10, 0, 1, tzinfo=UTC)
    assert read.seconds == 13.0


def test_fields_of_a_later_version_are_ignored() -> None:
    assert Job.parse(job(mood="hopeful", nested={"a": [1]})) == Job.parse(job())


@pytest.mark.parametrize(
    "name", ["id", "collection", "state", "total", "indexed", "unchanged", "failed", "cancelled"]
)
def test_a_missing_field_is_named(name: str) -> None:
    sent = job()
    del sent[name]

    with pytest.raises(ProtocolError, match=f"job has no field '{name}'"):
        Job.parse(sent)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("total", "480", "a whole number"),
        ("total", True, "a whole number"),
        ("total", None, "a whole number"),
        ("rate", "fast", "a number"),
        ("state", 3, "a text"),
        ("id", 1.5, "an id"),
        ("stalled", "no", "true or false"),
        ("finished_at", "yesterday", "a time"),
    ],
)
def test_a_field_of_another_type_is_named_with_its_value(name: str, value: Any, expected: str) -> None:
    with pytest.raises(ProtocolError, match=f"'{name}' is not {expected}"):
        Job.parse(job(**{name: value}))


@pytest.mark.parametrize("value", [None, [], "job", 7])
def test_an_answer_that_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(ProtocolError, match="not a JSON object"):
        Job.parse(value)


def test_a_long_wrong_value_is_cut_in_the_message() -> None:
    with pytest.raises(ProtocolError) as caught:
        Job.parse(job(total="9" * 10_000))

    assert len(str(caught.value)) < 200


def test_optional_fields_may_be_absent() -> None:
    sent = {
        name: value
        for name, value in job().items()
        if name not in {"rate", "eta_seconds", "stalled", "error", "created_at", "started_at", "finished_at"}
    }

    read = Job.parse(sent)

    assert (read.rate, read.eta_seconds, read.stalled, read.error) == (None, None, False, None)


def test_a_number_as_job_id_becomes_text() -> None:
    assert Job.parse(job(id=17)).id == "17"


def test_a_job_of_a_list_of_paths_has_no_source_directory() -> None:
    assert Job.parse(job(source={"paths": ["/photos/a.jpg"]})).source is None


def test_done_counts_every_way_to_end() -> None:
    assert Job.parse(job(indexed=1, unchanged=20, failed=300, cancelled=4000)).done == 4321


@pytest.mark.parametrize("state", ["planning", "running", "paused", "succeeded", "failed"])
def test_a_job_has_ended_when_it_has_an_end_and_not_by_its_state(state: str) -> None:
    assert not Job.parse(job(state)).ended
    assert Job.parse(job(state, ended=True)).ended


def test_a_failure_is_read() -> None:
    read = JobFailure.parse({"path": "/a.jpg", "code": "truncated", "reason": "it ends early", "attempts": 1})

    assert read == JobFailure("/a.jpg", "truncated", "it ends early")


def test_an_empty_collection_has_no_network_yet() -> None:
    read = Collection.parse({"name": "default", "images": 0, "vectors": 0, "model": None, "fingerprint": None})

    assert (read.name, read.images, read.vectors, read.model, read.created_at) == ("default", 0, 0, None, None)


def test_a_search_keeps_the_order_and_reads_whole_numbers_as_distances() -> None:
    first = {"id": 9, "path": "/b.jpg", "url": "http://x/9", "distance": 0, "metadata": {"year": 2020}}
    second = {"id": 4, "path": "/a.jpg", "url": None, "distance": 0.25, "metadata": None}

    read = SearchResult.parse({"results": [first, second], "took_ms": {"decode": 3, "total": 50.5}})

    assert [(result.id, result.distance) for result in read.results] == [(9, 0.0), (4, 0.25)]
    assert read.results[0].metadata == {"year": 2020}
    assert read.results[1].metadata == {}
    assert read.took_ms == {"decode": 3.0, "total": 50.5}


def test_an_image_needs_only_its_id_and_path() -> None:
    read = Image.parse({"id": 4, "path": "/a.jpg"})

    assert (read.id, read.path, read.sha256, read.metadata) == (4, "/a.jpg", None, {})


def test_info_reads_what_runs_and_keeps_everything_that_was_sent() -> None:
    sent = {"version": "0.1.0", "weights": "random:7", "untrained": True, "model": "m", "workers": [{"name": "a"}]}

    read = Info.parse(sent)

    assert (read.version, read.weights, read.untrained, read.images) == ("0.1.0", "random:7", True, None)
    assert read.everything == sent


def test_info_is_read_while_no_extractor_runs() -> None:
    read = Info.parse({"version": "0.1.0", "weights": None, "untrained": None, "model": None, "fingerprint": None})

    assert (read.weights, read.untrained) == (None, False)
