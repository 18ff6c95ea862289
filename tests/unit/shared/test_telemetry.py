"""The page of a process' metrics is there while the process works, and no longer."""

from __future__ import annotations

from contextlib import closing

import httpx
import pytest
from prometheus_client import CollectorRegistry

from imagesearch.telemetry import MetricsPage, TelemetrySettings
from support.kept_ports import kept_port
from support.waiting import TIMEOUT


def test_the_page_is_shown_until_it_is_closed() -> None:
    port = kept_port()
    page = MetricsPage(TelemetrySettings(metrics_port=port))
    url = f"http://127.0.0.1:{port}/metrics"
    assert "imagesearch_forward_seconds" in httpx.get(url, timeout=TIMEOUT).text
    page.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, timeout=TIMEOUT)
    page.close()
    MetricsPage(TelemetrySettings(metrics_port=port)).close()


def test_processes_that_share_a_port_answer_for_one_another() -> None:
    settings, registry = TelemetrySettings(metrics_port=kept_port()), CollectorRegistry()
    one, other = (MetricsPage(settings, registry, shared=True) for _ in range(2))
    url = f"http://127.0.0.1:{settings.metrics_port}/metrics"
    for page in (one, other):
        assert httpx.get(url, timeout=TIMEOUT).status_code == 200
        page.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, timeout=TIMEOUT)


def test_a_page_of_its_own_shares_its_port_with_nobody() -> None:
    settings = TelemetrySettings(metrics_port=kept_port())
    with closing(MetricsPage(settings)), pytest.raises(OSError, match="in use"):
        MetricsPage(settings)


def test_without_a_port_there_is_nothing_to_close() -> None:
    MetricsPage(TelemetrySettings(metrics_port=0)).close()
