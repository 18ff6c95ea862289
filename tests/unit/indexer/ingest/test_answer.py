"""What the answer to a batch means for each of its pictures, decided without a store."""

from __future__ import annotations

from typing import Any

import pytest

from imagesearch.catalog.labels import NO_LABELS, Labels
from imagesearch.catalog.states import JobOrigin
from imagesearch.failures import CONTENT_FAILURES, FailureCode
from imagesearch_indexer.ingest.answer import Answer, OpenImage, decide
from support.records import answer_record, image_record

INDEXED, UNCHANGED, READ_AGAIN = "indexed", "unchanged", "read again"
OVERTAKEN = 71
"""A key that row 7 may name, other than the one that it named when the picture was sent."""
OTHER_LABELS = Labels("anna", {"year": 2020})


def open_image(
    image_id: int,
    state: str = "indexed",
    *,
    labels: Labels = NO_LABELS,
    origin: JobOrigin = JobOrigin.V2,
    **row: Any,
) -> OpenImage:
    return OpenImage(image_record(image_id, state, **row), labels, origin)


def outcome(answer: Answer, image_id: int = 7) -> str:
    found = [str(item.code or item.outcome) for item in answer.settled if item.image_id == image_id]
    assert len(found) < 2
    return found[0] if found else READ_AGAIN


def effects(answer: Answer) -> set[str]:
    """Return the lists that speak of a picture."""
    lists = ("written", "seen", "relabelled", "unnamed", "bare")
    return {name for name in lists if getattr(answer, name)}


@pytest.mark.parametrize(
    ("image", "expected", "found", "effect"),
    [
        pytest.param(open_image(7, "pending"), 0, INDEXED, {"written"}, id="its first vector"),
        pytest.param(open_image(7, "failed"), 0, INDEXED, {"written"}, id="a file that was mended"),
        pytest.param(open_image(7), 70, INDEXED, {"written"}, id="other bytes than are indexed"),
        pytest.param(open_image(7, labels=OTHER_LABELS), 70, INDEXED, {"written"}, id="other bytes and labels"),
        pytest.param(
            open_image(7, vector_key=OVERTAKEN), 70, READ_AGAIN, set(), id="somebody has indexed it since"
        ),
        pytest.param(open_image(7), 0, READ_AGAIN, set(), id="somebody has indexed it for the first time"),
        pytest.param(open_image(7, "pending"), 70, READ_AGAIN, set(), id="it has lost its vector since"),
        pytest.param(open_image(7, "failed", version=9), 0, READ_AGAIN, set(), id="it has failed since"),
        pytest.param(
            open_image(7, vector_key=OVERTAKEN, sha256="new digest"),
            70,
            INDEXED,
            {"seen"},
            id="somebody read the same",
        ),
        pytest.param(
            open_image(7, sha256="new digest"), 70, INDEXED, {"seen"}, id="read anew, and found the same"
        ),
        pytest.param(
            open_image(7, vector_key=OVERTAKEN, sha256="new digest", labels=OTHER_LABELS),
            70,
            INDEXED,
            {"seen", "relabelled"},
            id="somebody read the same, which is to have other labels",
        ),
        pytest.param(
            open_image(7, "failed", sha256="new digest"),
            0,
            INDEXED,
            {"written"},
            id="a digest without a vector",
        ),
    ],
)
def test_an_extracted_picture_counts_where_the_row_names_the_vector_that_it_named_before(
    image: OpenImage, expected: int, found: str, effect: set[str]
) -> None:
    message = answer_record(extracted=(7,), expected={7: expected})
    answer = decide(message, {7}, {7: image}, refusal=None)
    assert (outcome(answer), effects(answer)) == (found, effect)


@pytest.mark.parametrize(
    ("image", "found", "effect"),
    [
        pytest.param(open_image(7), UNCHANGED, {"seen"}, id="the same"),
        pytest.param(open_image(7, vector_key=OVERTAKEN), UNCHANGED, {"seen"}, id="the same under another key"),
        pytest.param(
            open_image(7, labels=Labels("", {})), UNCHANGED, {"seen"}, id="the same, with the labels that it has"
        ),
        pytest.param(open_image(7, labels=OTHER_LABELS), INDEXED, {"seen", "relabelled"}, id="with other labels"),
        pytest.param(
            open_image(7, sha256="newer digest"), READ_AGAIN, set(), id="somebody has indexed newer bytes"
        ),
        pytest.param(
            open_image(7, sha256="newer digest", labels=OTHER_LABELS),
            READ_AGAIN,
            set(),
            id="newer bytes, other labels",
        ),
        pytest.param(open_image(7, "pending"), READ_AGAIN, set(), id="it has lost its vector since"),
        pytest.param(open_image(7, "failed"), READ_AGAIN, set(), id="it has become unreadable since"),
    ],
)
def test_an_unchanged_picture_keeps_the_vector_that_was_made_of_its_bytes(
    image: OpenImage, found: str, effect: set[str]
) -> None:
    answer = decide(answer_record(unchanged=(7,)), {7}, {7: image}, refusal=None)
    assert (outcome(answer), effects(answer)) == (found, effect)


@pytest.mark.parametrize("code", FailureCode)
def test_a_failure_takes_the_vector_only_where_it_speaks_of_what_the_file_holds(code: FailureCode) -> None:
    there = {1: open_image(1), 2: open_image(2, vector_key=OVERTAKEN), 3: open_image(3, "pending")}
    message = answer_record(failed=dict.fromkeys(there, code), expected={3: 0})
    answer = decide(message, set(there), there, refusal=None)
    assert [outcome(answer, image_id) for image_id in there] == [code.value, READ_AGAIN, code.value]
    assert answer.unnamed == ([1] if code in CONTENT_FAILURES else [])
    assert answer.bare == [3]


@pytest.mark.parametrize("code", [FailureCode.UNREADABLE, FailureCode.VANISHED])
def test_a_picture_that_has_lost_its_vector_since_it_failed_is_read_again(code: FailureCode) -> None:
    answer = decide(answer_record(failed={7: code}), {7}, {7: open_image(7, "pending")}, refusal=None)
    assert (outcome(answer), effects(answer)) == (READ_AGAIN, set())


@pytest.mark.parametrize(
    ("origin", "code", "found"),
    [
        (JobOrigin.REPAIR, FailureCode.VANISHED, "vector_lost"),
        (JobOrigin.REPAIR, FailureCode.UNREADABLE, "unreadable"),
        (JobOrigin.V2, FailureCode.VANISHED, "vanished"),
    ],
)
def test_a_repair_without_a_file_says_that_the_vector_is_lost(
    origin: JobOrigin, code: FailureCode, found: str
) -> None:
    image = open_image(7, "pending", origin=origin)
    answer = decide(answer_record(failed={7: code}, expected={7: 0}), {7}, {7: image}, refusal=None)
    assert (outcome(answer), effects(answer)) == (found, {"bare"})


@pytest.mark.parametrize("key", [70, OVERTAKEN])
@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"failed": {7: FailureCode.VANISHED}}, id="the file is gone"),
        pytest.param({"failed": {7: FailureCode.UNREADABLE}}, id="the file is broken"),
        pytest.param({"unchanged": (7,)}, id="the file is the same"),
    ],
)
def test_a_change_of_one_picture_gives_it_its_labels_whatever_was_read(said: dict[str, Any], key: int) -> None:
    image = open_image(7, vector_key=key, labels=OTHER_LABELS, origin=JobOrigin.SINGLE_IMAGE)
    answer = decide(answer_record(**said), {7}, {7: image}, refusal=None)
    assert (outcome(answer), answer.relabelled, answer.unnamed) == (INDEXED, [7], [])


def test_a_change_of_one_picture_that_has_other_bytes_by_now_leaves_it_their_vector() -> None:
    image = open_image(
        7, vector_key=OVERTAKEN, sha256="newer digest", labels=OTHER_LABELS, origin=JobOrigin.SINGLE_IMAGE
    )
    answer = decide(answer_record(unchanged=(7,)), {7}, {7: image}, refusal=None)
    assert (outcome(answer), effects(answer)) == (INDEXED, {"relabelled"})


def test_a_change_of_one_picture_that_has_lost_its_vector_since_waits_for_its_file() -> None:
    image = open_image(7, "pending", labels=OTHER_LABELS, origin=JobOrigin.SINGLE_IMAGE)
    answer = decide(answer_record(unchanged=(7,)), {7}, {7: image}, refusal=None)
    assert (outcome(answer), effects(answer)) == (READ_AGAIN, set())


def test_a_picture_without_a_row_was_removed() -> None:
    answer = decide(answer_record(extracted=(1, 2)), {1, 2}, {2: open_image(2)}, refusal=None)
    assert [outcome(answer, image_id) for image_id in (1, 2)] == ["removed", INDEXED]
    assert [(one.position, one.image_id) for one in answer.written] == [(1, 2)]


def test_what_is_not_open_any_more_is_left_alone() -> None:
    message = answer_record(extracted=(1, 2), unchanged=(3,), failed={4: FailureCode.UNREADABLE})
    answer = decide(message, {2}, {2: open_image(2)}, refusal=None)
    assert [item.image_id for item in answer.settled] == [2]
    assert effects(answer) == {"written"}


def test_a_network_that_is_refused_fails_every_picture_and_touches_no_vector() -> None:
    message = answer_record(extracted=(1,), unchanged=(2,), failed={3: FailureCode.UNREADABLE})
    there = {1: open_image(1, "pending"), 2: open_image(2), 3: open_image(3)}
    answer = decide(message, {1, 2, 3, 4}, there, refusal="another network")
    wrong = FailureCode.WRONG_PIPELINE.value
    assert [outcome(answer, image_id) for image_id in (1, 2, 3, 4)] == [wrong, wrong, wrong, "removed"]
    # Which of them waits for its first vector, the row says when it is marked.
    assert (effects(answer), answer.bare) == ({"bare"}, [1, 2, 3])


def test_every_open_picture_of_a_mixed_answer_has_one_outcome() -> None:
    message = answer_record(extracted=(1, 5), unchanged=(2,), failed={3: FailureCode.VANISHED})
    there = {image_id: open_image(image_id) for image_id in (1, 2, 3, 5)}
    answer = decide(message, {1, 2, 3, 4, 5}, there, refusal=None)
    assert sorted(item.image_id for item in answer.settled) == [1, 2, 3, 4, 5]
