"""What the answer to a batch means for each of its pictures, decided without a store."""

from __future__ import annotations

import pytest

from imagesearch.catalog.reindex.builds import ThrottleLevel
from imagesearch.failures import CONTENT_FAILURES, FailureCode
from imagesearch_indexer.ingest.writer import Answer, decide, in_flight_limit
from support.records import answer_record, image_record

INDEXED, UNCHANGED = "indexed", "unchanged"
BEFORE, AFTER = 50.0, 300.0
"""When a row was read, beside an answer that was read at second 200."""


def outcomes(answer: Answer) -> dict[int, str]:
    return {item.image_id: str(item.code or item.outcome) for item in answer.settled}


@pytest.mark.parametrize(
    ("state", "read_at", "outcome", "is_written", "is_outdated"),
    [
        ("pending", None, INDEXED, True, False),
        ("failed", None, INDEXED, True, False),
        ("indexed", BEFORE, INDEXED, True, False),
        ("indexed", 200.0, INDEXED, True, False),
        ("indexed", AFTER, INDEXED, False, True),
        ("deleting", BEFORE, "removed", False, False),
    ],
)
def test_an_extracted_picture_is_written_unless_its_row_is_newer_or_goes(
    state: str, read_at: float | None, outcome: str, is_written: bool, is_outdated: bool
) -> None:
    rows = {7: image_record(7, state, read_at=read_at)}
    answer = decide(answer_record(extracted=(7,)), {7}, rows, refusal=None)
    assert outcomes(answer) == {7: outcome}
    assert [image.image_id for image in answer.written] == ([7] if is_written else [])
    assert answer.positions == ([0] if is_written else [])
    assert answer.outdated == ([7] if is_outdated else [])


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("indexed", UNCHANGED), ("pending", "removed"), ("failed", "removed"), ("deleting", "removed")],
)
def test_an_unchanged_picture_counts_as_such_while_it_is_indexed(state: str, outcome: str) -> None:
    answer = decide(answer_record(unchanged=(7,)), {7}, {7: image_record(7, state)}, refusal=None)
    assert outcomes(answer) == {7: outcome}
    assert [image.image_id for image in answer.seen] == ([7] if outcome == UNCHANGED else [])


@pytest.mark.parametrize("code", FailureCode)
def test_a_failure_takes_the_vector_only_where_it_speaks_of_what_lies_there_now(code: FailureCode) -> None:
    rows = {1: image_record(1, read_at=BEFORE), 2: image_record(2, read_at=AFTER), 3: image_record(3, "pending")}
    answer = decide(answer_record(failed=dict.fromkeys(rows, code)), set(rows), rows, refusal=None)
    assert outcomes(answer) == dict.fromkeys(rows, code.value)
    assert answer.stale == ([1] if code in CONTENT_FAILURES else [])
    assert sorted(answer.without_vector) == ([1, 3] if code in CONTENT_FAILURES else [3])


def test_a_picture_without_a_row_was_removed() -> None:
    answer = decide(answer_record(extracted=(1, 2)), {1, 2}, {2: image_record(2)}, refusal=None)
    assert outcomes(answer) == {1: "removed", 2: INDEXED}
    assert answer.positions == [1]


def test_what_is_not_open_any_more_is_left_alone() -> None:
    message = answer_record(extracted=(1, 2), unchanged=(3,), failed={4: FailureCode.UNREADABLE})
    rows = {image_id: image_record(image_id) for image_id in (1, 2, 3, 4)}
    answer = decide(message, {2}, rows, refusal=None)
    assert (outcomes(answer), answer.positions, answer.seen, answer.without_vector) == ({2: INDEXED}, [1], [], [])


def test_a_network_that_is_refused_fails_every_picture_and_touches_no_vector() -> None:
    message = answer_record(extracted=(1,), unchanged=(2,), failed={3: FailureCode.UNREADABLE})
    rows = {1: image_record(1, "pending"), 2: image_record(2), 3: image_record(3)}
    answer = decide(message, {1, 2, 3, 4}, rows, refusal="another network")
    wrong = FailureCode.WRONG_PIPELINE.value
    assert outcomes(answer) == {1: wrong, 2: wrong, 3: wrong, 4: "removed"}
    assert (answer.written, answer.seen, answer.stale, answer.without_vector) == ([], [], [], [1])


def test_every_open_picture_of_a_mixed_answer_has_one_outcome() -> None:
    message = answer_record(extracted=(1, 5), unchanged=(2,), failed={3: FailureCode.VANISHED})
    rows = {image_id: image_record(image_id) for image_id in (1, 2, 3, 5)}
    answer = decide(message, {1, 2, 3, 4, 5}, rows, refusal=None)
    assert sorted(item.image_id for item in answer.settled) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("level", "limit"), [(ThrottleLevel.OPEN, 8), (ThrottleLevel.REDUCED, 1), (ThrottleLevel.CLOSED, 0)]
)
def test_the_nearer_a_build_is_to_its_end_the_fewer_batches_others_send(level: ThrottleLevel, limit: int) -> None:
    assert in_flight_limit(level, window=8) == limit
