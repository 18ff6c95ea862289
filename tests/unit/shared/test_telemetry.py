"""The page of a process' metrics is there while the process works, and no longer."""

from __future__ import annotations

import httpx
import pytest

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


def test_without_a_port_there_is_nothing_to_close() -> None:
    MetricsPage(TelemetrySettings(metrics_port=0)).close()
