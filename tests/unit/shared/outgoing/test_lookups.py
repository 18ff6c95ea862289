"""Names are looked up within a time, so many at once, and none outlives its service unnoticed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from structlog.testing import capture_logs

from imagesearch.outgoing import lookups as lookups_module
from imagesearch.outgoing.lookups import Lookups
from support.waiting import TIMEOUT


class Resolver:
    """Stand in for the system's resolver, which answers when the test says so."""

    def __init__(self) -> None:
        self.asked, self.answer = Event(), Event()

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.set()
        self.answer.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made)
    yield made
    made.answer.set()


def test_a_name_is_answered_with_its_addresses(resolver: Resolver) -> None:
    resolver.answer.set()
    lookups = Lookups()
    assert lookups("example.com", 443, TIMEOUT) == ["192.0.2.1"]
    lookups.close()


def test_this_machine_is_found_without_a_network() -> None:
    lookups = Lookups()
    assert "127.0.0.1" in lookups("127.0.0.1", 443, TIMEOUT)
    lookups.close()


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_an_error_of_the_resolver_is_the_callers(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    lookups = Lookups()
    with pytest.raises(type(error)):
        lookups("example.com", 443, TIMEOUT)
    lookups.close()


def test_a_resolver_that_is_silent_holds_nobody_and_takes_no_more_threads_than_allowed(resolver: Resolver) -> None:
    lookups = Lookups(most=2)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            lookups("example.com", 443, 0.01)
    with pytest.raises(OSError, match="no more names"):
        lookups("example.com", 443, TIMEOUT)
    resolver.answer.set()
    lookups.close()


def test_closing_waits_for_the_lookup_under_way_and_takes_no_more(resolver: Resolver) -> None:
    lookups = Lookups()
    with ThreadPoolExecutor(2) as threads:
        asking = threads.submit(lookups, "example.com", 443, TIMEOUT)
        resolver.asked.wait()
        closing = threads.submit(lookups.close)
        resolver.answer.set()
        closing.result()
        assert asking.result() == ["192.0.2.1"]
    with pytest.raises(OSError, match="no more names"):
        lookups("example.com", 443, TIMEOUT)
    lookups.close()


def test_a_resolver_that_stays_silent_is_left_behind_with_a_line_in_the_log(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups_module, "CLOSE_SECONDS", 0.01)
    lookups = Lookups()
    with pytest.raises(TimeoutError):
        lookups("example.com", 443, 0.01)
    with capture_logs() as logged:
        lookups.close()
    assert [(line["event"], line["lookups"]) for line in logged] == [("lookups.still_waiting", 1)]
