"""Whose batch goes next, decided without a store."""

from __future__ import annotations

from collections import Counter

from imagesearch.catalog.jobs.leases import OnTheirWay, Waiting
from imagesearch_indexer.shares import Limits, Shares

A, B = (1, ""), (2, "")
Q = "extract"


def limits(floor: int = 8, threads: int = 0, per_thread: int = 3, ceiling: int = 1_000) -> Limits:
    return Limits(floor, Counter({Q: threads}), per_thread, ceiling)


def shared_out(shares: Shares, number: int) -> list[str]:
    """Give out so much room, one batch at a time."""
    given = []
    while len(given) < number and (job := shares.next()) is not None:
        shares.sent(job, Q, 1)
        given.append(job.job_id)
    return given


def test_the_workers_that_live_make_the_room() -> None:
    assert limits(threads=0).of(Q) == 8
    assert limits(threads=2).of(Q) == 8
    assert limits(threads=64).of(Q) == 192
    assert limits(threads=64).of("of another network") == 8
    assert limits(threads=64, ceiling=100).of(Q) == 100


def test_each_queue_has_room_of_its_own() -> None:
    sent = [OnTheirWay(Q, "big", A, 6), OnTheirWay("other", "big", A, 3)]
    assert Shares(limits(), sent, []).room(Q) == 2
    assert Shares(limits(), sent, []).room("other") == 5
    assert Shares(limits(threads=9, ceiling=7), sent, []).room(Q) == 1
    assert Shares(limits(floor=3), sent, []).room(Q) == 0


def test_a_small_job_comes_before_a_large_one_that_has_everything_on_its_way() -> None:
    shares = Shares(
        limits(), [OnTheirWay(Q, "large", A, 7)], [Waiting("large", 1, A, Q), Waiting("small", 2, A, Q)]
    )
    assert shared_out(shares, 10) == ["small"]
    shares.settled(Q, "large")
    assert shared_out(shares, 10) == ["small"]


def test_jobs_of_one_tenant_take_turns() -> None:
    shares = Shares(limits(floor=4), [], [Waiting("first", 1, A, Q), Waiting("second", 2, A, Q)])
    assert shared_out(shares, 10) == ["first", "second", "first", "second"]


def test_jobs_keep_their_turn_from_one_look_to_the_next() -> None:
    by_number = [Waiting(name, number, A, Q) for number, name in enumerate(("first", "second", "third", "new"))]
    ready, given = by_number[:3], []
    for _ in range(5):
        shares = Shares(limits(floor=1), [], ready)
        given += shared_out(shares, 1)
        ready = shares.in_turn(by_number)
    assert given == ["first", "second", "third", "first", "new"]


def test_a_tenant_with_many_jobs_gets_no_more_than_one_with_a_single_job() -> None:
    many = [Waiting(f"{index}", index, A, Q) for index in range(10)]
    shares = Shares(limits(floor=10), [], [*many, Waiting("alone", 11, B, Q)])
    assert Counter(shared_out(shares, 10))["alone"] == 5


def test_a_job_that_has_no_more_or_sends_elsewhere_leaves_its_share_to_others() -> None:
    shares = Shares(
        limits(floor=3),
        [OnTheirWay("other", "elsewhere", A, 3)],
        [Waiting("empty", 1, A, Q), Waiting("elsewhere", 1, A), Waiting("ready", 1, A, Q)],
    )
    shares.exhausted("empty")
    shares.sends_to("elsewhere", "other")
    assert shared_out(shares, 10) == ["ready"] * 3
    shares.settled("other", "elsewhere")
    assert shares.next() == Waiting("elsewhere", 1, A), "there is room for the other queue"


def test_a_batch_that_nobody_counted_makes_no_room() -> None:
    shares = Shares(limits(floor=1), [OnTheirWay(Q, "large", A, 1)], [Waiting("large", 1, A, Q)])
    shares.settled(Q, "sent by another process since")
    assert shared_out(shares, 10) == []
