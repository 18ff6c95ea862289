"""People add pictures to collections, say what they are, delete them, and settle duplicates."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from support.giving import give
from support.waiting import until

pytestmark = pytest.mark.browser

TEN_SECONDS = 10_500


def images_of(http: httpx.Client, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get(f"/api/v2/collections/{name}/images").json()["items"]
    return found


def test_pictures_are_added_and_labelled(page: Page, http: httpx.Client, album: Path, tmp_path: Path) -> None:
    name = f"l{uuid4().hex[:12]}"
    assert http.post("/api/v2/collections", json={"name": name}).status_code == 201
    wrong = tmp_path / "wrong.png"
    wrong.write_bytes(b"no picture")
    page.goto(f"/#/library?c={name}")
    expect(page.get_by_text("This collection is empty.")).to_be_visible()
    give(page, "drop", album / "picture 01.png", album / "picture 02.png", wrong)
    expect(page.get_by_text("2 of 3 sent, 1 refused")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.locator(".collection.is-chosen")).to_contain_text("2 pictures")

    page.locator(".tile button").first.click()
    page.get_by_role("button", name="Edit labels").click()
    labels = page.get_by_role("dialog", name="Edit labels")
    labels.get_by_label("Partition").fill("anna")
    labels.get_by_role("button", name="Add a field").click()
    page.keyboard.type("year")
    page.keyboard.press("Tab")
    page.keyboard.type("1990")
    labels.get_by_role("button", name="Save").click()
    expect(page.get_by_role("definition").filter(has_text="1990")).to_be_visible()
    first = images_of(http, name)[0]
    assert (first["partition"], first["metadata"]) == ("anna", {"year": 1990})

    page.goto("about:blank")
    page.goto(f"/#/library?c={name}")
    page.get_by_label("Partition").select_option("anna")
    expect(page.locator(".tile")).to_have_count(1)


def test_pictures_wait_while_the_service_is_away_and_their_queue_is_there_in_every_view(
    page: Page, http: httpx.Client, album: Path
) -> None:
    name = f"u{uuid4().hex[:12]}"
    assert http.post("/api/v2/collections", json={"name": name}).status_code == 201
    away = {"status": 503, "headers": {"Retry-After": "1"}, "json": {"status": 503, "detail": "postgres is away"}}
    page.route(f"**/collections/{name}/images", lambda route: route.fulfill(**away))
    page.goto(f"/#/library?c={name}")
    expect(page.get_by_text("This collection is empty.")).to_be_visible()
    give(page, "drop", album / "picture 01.png", album / "picture 02.png")
    expect(page.locator(".notice.is-problem")).to_contain_text("postgres is away")
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.get_by_role("link", name="Library").click()
    expect(page.get_by_text("0 of 2 sent")).to_be_visible()
    page.unroute(f"**/collections/{name}/images")
    expect(page.get_by_text("2 of 2 sent")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(2)


def test_a_deletion_is_taken_back_or_sent_after_ten_seconds(page: Page, http: httpx.Client, twins: str) -> None:
    page.clock.install()
    page.goto(f"/#/library?c={twins}")
    expect(page.locator(".tile")).to_have_count(3)
    page.locator(".tile button").first.click()
    page.keyboard.press("Delete")
    expect(page.locator(".tile")).to_have_count(2)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".tile")).to_have_count(3)
    page.locator(".tile button").first.click()
    page.keyboard.press("Delete")
    expect(page.locator(".tile")).to_have_count(2)
    assert len(images_of(http, twins)) == 3
    page.clock.run_for(TEN_SECONDS)
    until(lambda: len(images_of(http, twins)) == 2)


def test_groups_of_an_untrained_network_come_with_a_warning_and_the_usual_distance(page: Page, twins: str) -> None:
    page.goto(f"/#/duplicates?c={twins}")
    expect(page.locator("main .notice.is-warning")).to_contain_text("The network is untrained")
    expect(page.locator("output.threshold-value")).to_have_text("0.0800")


def test_duplicates_are_settled_by_keyboard(page: Page, http: httpx.Client, twins: str) -> None:
    page.clock.install()
    page.goto(f"/#/duplicates?c={twins}&max=0")
    group = page.locator(".cards .card")
    expect(group.get_by_role("heading")).to_have_text("The same file, 2 pictures")
    kept = group.locator(".duplicate[aria-pressed=true]")
    expect(kept).to_have_count(1)
    group.locator(".duplicate").first.focus()
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(kept).to_have_attribute("title", str(group.locator(".duplicate").nth(1).get_attribute("title")))
    title = kept.get_attribute("title")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No pictures here are that much alike.")).to_be_visible()
    page.clock.run_for(TEN_SECONDS)
    until(lambda: len(images_of(http, twins)) == 2)
    assert title in [one["path"] for one in images_of(http, twins)]
