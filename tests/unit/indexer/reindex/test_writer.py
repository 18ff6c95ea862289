"""What the answer to a batch of a build means for each of its pictures, decided without a store."""

from __future__ import annotations

import pytest

from imagesearch.catalog.constants import NO_VERSION
from imagesearch.catalog.reindex.contents import Source
from imagesearch.failures import FailureCode
from imagesearch_indexer.reindex.writer import Answer, decide, version_of
from support.records import answer_record


def source(image_id: int, *, sha256: str = "digest", read_at: float | None = 100.0) -> Source:
    return Source(image_id, f"/library/{image_id}.jpg", 5, sha256, read_at, "", {})


def outcomes(answer: Answer) -> dict[int, str]:
    return {item.image_id: str(item.code or item.outcome) for item in answer.settled}


def test_each_open_picture_has_one_outcome() -> None:
    message = answer_record(extracted=(1, 2), failed={3: FailureCode.UNREADABLE, 4: FailureCode.VANISHED})
    rows = {image_id: source(image_id) for image_id in (2, 3)}
    answer = decide(message, {1, 2, 3, 4}, rows, refusal=None)
    assert outcomes(answer) == {1: "removed", 2: "indexed", 3: "unreadable", 4: "removed"}
    assert (answer.positions, answer.without_vector) == ([1], [3])


def test_what_is_not_open_any_more_is_left_alone() -> None:
    message = answer_record(extracted=(1, 2), failed={3: FailureCode.UNREADABLE})
    rows = {image_id: source(image_id) for image_id in (1, 2, 3)}
    answer = decide(message, {2}, rows, refusal=None)
    assert (outcomes(answer), answer.positions, answer.without_vector) == ({2: "indexed"}, [1], [])


def test_a_network_that_is_refused_fails_every_picture_and_writes_nothing() -> None:
    message = answer_record(extracted=(1,), failed={2: FailureCode.UNREADABLE})
    rows = {image_id: source(image_id) for image_id in (1, 2)}
    answer = decide(message, {1, 2, 3}, rows, refusal="another network")
    assert outcomes(answer) == dict.fromkeys((1, 2, 3), FailureCode.WRONG_PIPELINE.value)
    assert {item.reason for item in answer.settled} == {"another network"}
    assert (answer.positions, answer.without_vector) == ([], [])


@pytest.mark.parametrize(
    ("sha256", "read_at", "version"),
    [
        ("digest", 100.0, 5),
        ("digest", None, 5),
        ("digest", 300.0, NO_VERSION),
        ("new digest", 300.0, 5),
    ],
)
def test_a_file_that_was_read_again_since_is_looked_at_again_if_it_changed(
    sha256: str, read_at: float | None, version: int
) -> None:
    (image,) = answer_record(extracted=(1,)).images
    assert version_of(image, source(1, sha256=sha256, read_at=read_at), read_at=200.0) == version
