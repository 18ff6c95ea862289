"""A worker's heartbeat goes on whatever happens to one of its reports, and ends when its worker does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import cast

import pytest
from structlog.testing import capture_logs

from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.claims import BatchClaims
from imagesearch.worker import heartbeat as heartbeat_module
from imagesearch.worker.heartbeat import Heartbeat, Liveness, WorkerSettings
from imagesearch.worker.registry import WorkerRegistry, WorkerReport


class Counting:
    """A board and claims in one: do what a test prepared, then count calls."""

    def __init__(self, *script: Callable[[], None]) -> None:
        self._script = list(script)
        self.calls = 0
        self.called = Event()

    def report(self, _: WorkerReport, *, consumed_ago: float, facts: object = None) -> None:
        assert consumed_ago >= 0
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


def heartbeat_of(registry: Counting, claims: Counting | None = None, file: Path | None = None) -> Heartbeat:
    settings = WorkerSettings(heartbeat_file=file, deaf_seconds=10**6)
    liveness = Liveness("worker", concurrency=1)
    report = WorkerReport("worker", (), "1", None, None, untrained=False)
    return Heartbeat(liveness, report, cast(WorkerRegistry, registry), settings, cast(BatchClaims | None, claims))


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def heartbeat_runs() -> bool:
    return any(thread.name == "heartbeat" for thread in threading.enumerate())


def test_an_error_that_nobody_expected_is_logged_and_the_next_heartbeat_comes() -> None:
    registry = Counting(
        raising(ValueError("I/O operation on closed file")), raising(StoreUnavailable("redis", "away"))
    )
    heartbeat = heartbeat_of(registry)
    with capture_logs() as logged:
        heartbeat.start()
        registry.called.wait()
        heartbeat.close()
    assert [line["event"] for line in logged] == ["worker.heartbeat_failed", "worker.heartbeat_missed"]


def test_claims_are_renewed_after_the_worker_was_told_to_stop_and_until_the_heartbeat_is_closed() -> None:
    registry, claims = Counting(), Counting()
    heartbeat = heartbeat_of(registry, claims)
    heartbeat.start()
    registry.called.wait()
    heartbeat.liveness.stopping.set()
    claims._script.append(raising(ValueError("closed")))
    claims.called.clear()
    claims.called.wait()
    assert heartbeat_runs()
    heartbeat.close()
    assert not heartbeat_runs()
    renewed = claims.calls
    heartbeat.close()
    assert claims.calls == renewed


def test_a_heartbeat_that_waits_for_its_next_report_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "REPORT_EVERY_SECONDS", 10**6)
    registry = Counting()
    heartbeat = heartbeat_of(registry, Counting())
    heartbeat.start()
    registry.called.wait()
    heartbeat.close()
    assert not heartbeat_runs()


def test_a_heartbeat_that_never_began_closes_too() -> None:
    heartbeat = heartbeat_of(Counting())
    heartbeat.close()
    assert heartbeat.liveness.stopping.is_set()


def test_a_failed_heartbeat_starts_the_clock_of_unresponsiveness_anew() -> None:
    registry = Counting(raising(ValueError("closed")))
    heartbeat = heartbeat_of(registry)
    heartbeat.liveness.asked_at = before = time.monotonic() - 60
    heartbeat.start()
    registry.called.wait()
    heartbeat.close()
    assert heartbeat.liveness.asked_at is not None
    assert heartbeat.liveness.asked_at > before


@pytest.mark.parametrize(
    ("error", "touched"), [(StoreUnavailable("redis", "away"), True), (ValueError("closed"), False)]
)
def test_the_file_is_touched_while_redis_is_away_and_not_by_a_heartbeat_that_fails(
    error: Exception, touched: bool, tmp_path: Path
) -> None:
    heartbeat_file, seen = tmp_path / "heartbeat", list[bool]()
    registry = Counting(raising(error), lambda: seen.append(heartbeat_file.exists()))
    heartbeat = heartbeat_of(registry, file=heartbeat_file)
    heartbeat.start()
    registry.called.wait()
    heartbeat.close()
    assert seen == [touched]
    assert heartbeat_file.exists()


def test_claims_count_again_some_heartbeats_after_redis_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Counting(raising(StoreUnavailable("redis", "away")))
    heartbeat = heartbeat_of(registry)
    assert heartbeat.liveness.has_settled
    heartbeat.start()
    registry.called.wait()
    heartbeat.close()
    assert not heartbeat.liveness.has_settled
    monkeypatch.setattr(heartbeat_module, "SETTLED_SECONDS", 0.0)
    assert heartbeat.liveness.has_settled
