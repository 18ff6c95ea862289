"""The reference of the API, as a person reads it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from support.system import System

pytestmark = pytest.mark.browser


def test_the_reference_shows_every_route_and_asks_nobody_else(page: Page, system: System) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{system.url}/reference")
    routes = page.locator(".opblock-summary")
    expect(routes.filter(has_text="/api/v2/jobs/{job_id}/events")).to_be_visible()
    routes.filter(has_text="/api/v2/collections/{name}/search").first.click()
    expect(page.locator(".opblock-body").get_by_text("exclude_self").first).to_be_visible()
    assert [url for url in asked if not url.startswith((system.url, "data:", "blob:"))] == []
