"""What the answer to a batch of a build means for each of its pictures, decided without a store."""

from __future__ import annotations

import pytest

from imagesearch.catalog.reindex.contents import Source
from imagesearch.failures import FailureCode
from imagesearch_indexer.reindex.writer import Answer, decide
from support.records import answer_record


def source(image_id: int, *, key: int | None = None, sha256: str = "digest") -> Source:
    """Return an indexed image whose row names the key that `answer_record` gives it, if not another."""
    named = key or 10 * image_id
    return Source(image_id, f"/library/{image_id}.jpg", named, named, sha256, "", {})


def outcomes(answer: Answer) -> dict[int, str]:
    return {item.image_id: str(item.code or item.outcome) for item in answer.settled}


def test_each_open_picture_has_one_outcome() -> None:
    message = answer_record(extracted=(1, 2), failed={3: FailureCode.UNREADABLE, 4: FailureCode.VANISHED})
    rows = {image_id: source(image_id) for image_id in (2, 3)}
    answer = decide(message, {1, 2, 3, 4}, rows, refusal=None)
    assert outcomes(answer) == {1: "removed", 2: "indexed", 3: "unreadable", 4: "removed"}
    assert (answer.as_known, answer.changed, answer.without_vector) == ([], [1], [3])


def test_what_is_not_open_any_more_is_left_alone() -> None:
    message = answer_record(extracted=(1, 2), failed={3: FailureCode.UNREADABLE})
    rows = {image_id: source(image_id) for image_id in (1, 2, 3)}
    answer = decide(message, {2}, rows, refusal=None)
    assert (outcomes(answer), answer.changed, answer.without_vector) == ({2: "indexed"}, [1], [])


def test_a_network_that_is_refused_fails_every_picture_and_writes_nothing() -> None:
    message = answer_record(extracted=(1,), failed={2: FailureCode.UNREADABLE})
    rows = {image_id: source(image_id) for image_id in (1, 2)}
    answer = decide(message, {1, 2, 3}, rows, refusal="another network")
    assert outcomes(answer) == dict.fromkeys((1, 2, 3), FailureCode.WRONG_PIPELINE.value)
    assert {item.reason for item in answer.settled} == {"another network"}
    assert (answer.as_known, answer.changed, answer.without_vector) == ([], [], [])


@pytest.mark.parametrize(
    ("row", "found", "as_known", "changed"),
    [
        pytest.param(
            source(7, sha256="new digest"), {7: "indexed"}, [0], [], id="the bytes that the row speaks of"
        ),
        pytest.param(
            source(7, key=71, sha256="new digest"), {7: "indexed"}, [0], [], id="the bytes of a newer vector"
        ),
        pytest.param(source(7), {7: "indexed"}, [], [0], id="other bytes than the row's"),
        pytest.param(source(7, key=71), {}, [], [], id="old bytes: it is read again"),
    ],
)
def test_a_vector_goes_under_the_rows_own_key_only_where_it_was_made_of_the_rows_bytes(
    row: Source, found: dict[int, str], as_known: list[int], changed: list[int]
) -> None:
    answer = decide(answer_record(extracted=(7,)), {7}, {7: row}, refusal=None)
    assert (outcomes(answer), answer.as_known, answer.changed) == (found, as_known, changed)


@pytest.mark.parametrize(
    ("row", "found", "without_vector"),
    [
        pytest.param(source(7), {7: "unreadable"}, [7], id="as it was sent"),
        pytest.param(source(7, key=71), {}, [], id="indexed anew since: it is read again"),
    ],
)
def test_a_failure_leaves_an_image_without_a_vector_as_long_as_its_row_has_the_version_of_then(
    row: Source, found: dict[int, str], without_vector: list[int]
) -> None:
    answer = decide(answer_record(failed={7: FailureCode.UNREADABLE}), {7}, {7: row}, refusal=None)
    assert (outcomes(answer), answer.without_vector) == (found, without_vector)
