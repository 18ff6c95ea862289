"""What every test is held to: it leaves no thread behind, and nothing in it depends on how busy the machine is."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from support.scheduling import Pieces, place_of
from support.waiting import until

pytest_plugins = ["support.summary"]

# Callers need no API key, but for those tests that say so: what most of them ask is not about keys.
os.environ["API_KEYS"] = "false"

# How long an example takes says more about what else the machine does.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


# Of itself structlog paints each traceback with the source and the variables of every frame, for up to a second.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


# Thousands of tests are made of objects that stay: looking among them for garbage took a tenth of the collection.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Pieces:
    return Pieces(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place_of(item.nodeid))


@pytest.fixture(autouse=True)
def _ends_its_threads() -> Iterator[None]:
    """Fail a test that leaves a thread running; what a fixture of more than one test started is not looked at."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        # One that a server has made this moment is listed before it can be joined.
        until(lambda: thread.ident is not None)  # noqa: B023 - asked before the next one
        thread.join(30.0)
    running = [thread.name for thread in left if thread.is_alive()]
    assert not running, f"threads were left running: {running}"
