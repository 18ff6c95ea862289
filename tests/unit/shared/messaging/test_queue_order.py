"""What the end of a queue tells of all that was ever put into it."""

from __future__ import annotations

from imagesearch.messaging.queue_order import PLAN_SLACK, SLACK, batch_task_id, plan_task_id, still_waiting


def message(batch_id: int, number: int) -> bytes:
    return b'{"body": "", "headers": {"id": "%s"}}' % batch_task_id("extract", batch_id, number).encode()


def waiting(numbers: dict[int, int], *end: bytes) -> set[int]:
    return still_waiting({batch: ("extract", number) for batch, number in numbers.items()}, {"extract": end})


def test_what_was_queued_behind_the_next_to_leave_waits() -> None:
    assert waiting({1: 100, 2: 101, 3: 500}, message(7, 101), message(1, 100)) == {1, 2, 3}


def test_what_was_queued_long_before_the_next_to_leave_has_left() -> None:
    assert waiting({1: 100, 2: 100 + SLACK}, message(2, 100 + SLACK)) == {2}


def test_what_was_queued_by_two_at_once_may_stand_in_another_order() -> None:
    assert waiting({1: 100}, message(1, 100), message(2, 101)) == {1}


def test_nothing_waits_in_an_empty_queue() -> None:
    assert waiting({1: 100}) == set()


def test_messages_of_others_are_passed_over() -> None:
    other = b'{"headers": {"id": "8e3a"}}'
    assert waiting({1: 100, 2: 100 + SLACK}, message(2, 100 + SLACK), other) == {2}


def test_where_no_message_has_a_number_all_are_taken_to_wait() -> None:
    assert waiting({1: 100}, b'{"headers": {"id": "8e3a"}}') == {1}


def test_planning_that_was_queued_before_the_next_to_leave_has_left() -> None:
    job, other = "7c9e6679-7425-40de-944b-e07fc1f90ae7", "16fd2706-8baf-433b-82eb-8c7fada847da"
    end = b'{"headers": {"id": "%s"}}' % plan_task_id(other, 100 + PLAN_SLACK).encode()
    queued = {job: ("plan", 100), other: ("plan", 100 + PLAN_SLACK)}
    assert still_waiting(queued, {"plan": [end]}, slack=PLAN_SLACK) == {other}
