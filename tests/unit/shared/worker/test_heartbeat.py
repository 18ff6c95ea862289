"""A worker's beat goes on whatever happens to one of its reports, and ends when its worker does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from threading import Event
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.claims import BatchClaims
from imagesearch.worker import heartbeat as heartbeat_module
from imagesearch.worker.heartbeat import Beat, Pulse, WorkerSettings
from imagesearch.worker.registry import WorkerBoard, WorkerReport


class Counting:
    """A board and claims in one: do what a test prepared, then count calls."""

    def __init__(self, *script: Callable[[], None]) -> None:
        self._script = list(script)
        self.calls = 0
        self.called = Event()

    def report(self, _: WorkerReport) -> None:
        self.renew()

    def renew(self) -> None:
        self.calls += 1
        if self._script:
            self._script.pop(0)()
        else:
            self.called.set()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "REPORT_EVERY_SECONDS", 0.001)


def beat_of(board: Counting, claims: Counting | None = None) -> Beat:
    def report(consumed_at: float) -> Any:
        return None

    settings = WorkerSettings(heartbeat_file=None, deaf_seconds=10**6)
    pulse = Pulse("worker", concurrency=1)
    return Beat(pulse, report, cast(WorkerBoard, board), settings, cast(BatchClaims | None, claims))


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def beating() -> bool:
    return any(thread.name == "beat" for thread in threading.enumerate())


def test_an_error_that_nobody_expected_is_logged_and_the_next_beat_comes() -> None:
    board = Counting(
        raising(ValueError("I/O operation on closed file")), raising(StoreUnavailable("redis", "away"))
    )
    beat = beat_of(board)
    with capture_logs() as logged:
        beat.start()
        board.called.wait()
        beat.close()
    assert [line["event"] for line in logged] == ["worker.beat_failed", "worker.beat_missed"]


def test_claims_are_renewed_after_the_worker_was_told_to_stop_and_until_the_beat_is_closed() -> None:
    board, claims = Counting(), Counting()
    beat = beat_of(board, claims)
    beat.start()
    board.called.wait()
    beat.pulse.stopping.set()
    claims._script.append(raising(ValueError("closed")))
    claims.called.clear()
    claims.called.wait()
    assert beating()
    beat.close()
    assert not beating()
    renewed = claims.calls
    beat.close()
    assert claims.calls == renewed


def test_a_beat_that_waits_for_its_next_report_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "REPORT_EVERY_SECONDS", 10**6)
    board = Counting()
    beat = beat_of(board, Counting())
    beat.start()
    board.called.wait()
    beat.close()
    assert not beating()


def test_a_beat_that_never_began_closes_too() -> None:
    beat = beat_of(Counting())
    beat.close()
    assert beat.pulse.stopping.is_set()


def test_a_failed_beat_starts_the_clock_of_deafness_anew() -> None:
    board = Counting(raising(ValueError("closed")))
    beat = beat_of(board)
    beat.pulse.asked_at = before = time.monotonic() - 60
    beat.start()
    board.called.wait()
    beat.close()
    assert beat.pulse.asked_at is not None
    assert beat.pulse.asked_at > before
