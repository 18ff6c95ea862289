"""People start jobs on directories that they look for, watch and control them, and see what failed."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_a_directory_is_chosen_and_what_failed_is_said(page: Page, library: Path) -> None:
    page.goto("/#/jobs?start=1")
    dialog = page.get_by_role("dialog", name="Index a directory")
    expect(dialog.get_by_role("button", name="Start")).to_be_disabled()
    dialog.get_by_role("button", name=str(library)).click()
    dialog.get_by_role("button", name="broken").click()
    expect(dialog.get_by_text(f"Chosen: {library / 'broken'}")).to_be_visible()
    dialog.get_by_label("Into the collection").fill(f"b{uuid4().hex[:12]}")
    dialog.get_by_role("button", name="Start").click()
    job = page.locator(".job").first
    expect(job.locator(".badge")).to_have_text("Done, some failed")
    expect(job.get_by_role("img")).to_have_accessible_name("1 failed")
    job.get_by_text("What failed, and what to do").click()
    expect(job.get_by_text("No picture that is read (1)")).to_be_visible()
    expect(
        job.get_by_text("Convert it to JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF, or leave it.")
    ).to_be_visible()
    expect(job.get_by_role("button", name="Try the failed ones again")).to_be_visible()


def paused(http: httpx.Client, library: Path) -> str:
    """Submit a job and pause it before anything is done; return its collection."""
    name = f"p{uuid4().hex[:12]}"
    job = http.post("/api/v2/jobs", json={"source": str(library / "twins"), "collection": name}).json()
    assert http.post(f"/api/v2/jobs/{job['id']}/pause").status_code == 200
    return name


def test_a_paused_job_goes_on_and_another_is_cancelled(page: Page, http: httpx.Client, library: Path) -> None:
    first, second = paused(http, library), paused(http, library)
    page.goto("/#/jobs")
    going = page.locator(".job").filter(has_text=first)
    expect(going.locator(".badge")).to_have_text("Paused")
    going.get_by_role("button", name="Go on").click()
    expect(going.locator(".badge")).to_have_text("Done")
    expect(going.get_by_role("link", name="See the collection")).to_be_visible()
    other = page.locator(".job").filter(has_text=second)
    other.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(other.locator(".badge")).to_have_text("Cancelled")


def test_a_job_of_a_hundred_thousand_is_told_in_few_words(page: Page, library: Path) -> None:
    job = {
        "id": str(uuid4()),
        "kind": "index",
        "collection": "all",
        "source": "/photos",
        "state": "running",
        "total": 100_000,
        "indexed": 41_000,
        "unchanged": 500,
        "failed": 2_500,
        "cancelled": 0,
        "removed": 0,
        "rate": 31.4,
        "eta_seconds": 1783.0,
        "stalled": False,
        "error": None,
        "created_at": "2026-01-01T10:00:00+00:00",
        "finished_at": None,
    }
    failures = [{"path": f"/photos/{number}.jpg", "code": "truncated", "reason": "cut"} for number in range(1_000)]
    page.route("**/api/v2/jobs?*", lambda route: route.fulfill(json={"items": [job], "next": None}))
    page.route("**/failures?*", lambda route: route.fulfill(json={"items": failures, "next": "1000"}))
    page.goto("/#/jobs")
    card = page.locator(".job")
    expect(card).to_contain_text("44,000 of 100,000")
    expect(card).to_contain_text("31 a second · about 30 min left")
    expect(card.get_by_role("img")).to_have_accessible_name("41,000 indexed, 500 unchanged, 2,500 failed")
    card.get_by_text("What failed, and what to do").click()
    expect(card).to_contain_text("Grouped from the first 1,000.")
    assert page.evaluate("document.querySelectorAll('*').length") < 500
