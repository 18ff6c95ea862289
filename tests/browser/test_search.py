"""People search: by a picture that they give, by one that they see, and find it again by Back and by address."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PASTE = """([name, type, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
  const event = type === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
    : new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


def give(page: Page, event: str, path: Path) -> None:
    page.evaluate(PASTE, [path.name, event, base64.b64encode(path.read_bytes()).decode()])


def tiles(page: Page) -> list[str]:
    return [str(link.get_attribute("title")) for link in page.locator(".tile a").all()]


def test_a_picture_that_is_chosen_finds_itself_and_a_click_finds_more(page: Page, album: Path) -> None:
    path = album / "picture 07.png"
    page.goto("/#/search?c=album")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a picture").click()
    chooser.value.set_files(path)
    first = page.locator(".tile a").first
    expect(first).to_have_attribute("title", str(path))
    expect(first.locator(".distance")).to_have_text("0.0000")
    expect(first.locator("img")).to_have_class(re.compile("is-loaded"))
    by_upload = page.url

    second = page.locator(".tile a").nth(1)
    other = second.get_attribute("title")
    second.click()
    expect(page.locator(".tile a").first).to_have_attribute("title", str(other))
    by_click = page.url
    assert by_click != by_upload

    page.go_back()
    expect(page.locator(".tile a").first).to_have_attribute("title", str(path))

    page.goto("about:blank")
    page.goto(by_click)
    expect(page.locator(".tile a").first).to_have_attribute("title", str(other))
    page.goto("about:blank")
    page.goto(by_upload)
    expect(page.get_by_role("heading", name="The picture of this search is no longer here.")).to_be_visible()


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_picture_that_is_pasted_or_dropped_is_searched_by(page: Page, album: Path, event: str) -> None:
    page.goto("/#/search?c=album")
    expect(page.locator(".tile").first).to_be_visible()
    give(page, event, album / "picture 11.png")
    expect(page.locator(".tile a").first).to_have_attribute("title", str(album / "picture 11.png"))


def test_the_slider_narrows_the_results_without_a_request(page: Page, album: Path) -> None:
    page.goto("/#/search?c=album")
    page.locator(".tile a").first.click()
    expect(page.locator(".distance").first).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="60 pictures")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/search" in request.url else None)
    slider = page.get_by_role("slider", name="At most this far away")
    slider.focus()
    for _ in range(3):
        slider.press("PageDown")
    expect(page.get_by_role("status").filter(has_text="60 pictures")).to_have_count(0)
    assert re.search(r"max=0\.\d+", page.url)
    slider.press("Home")
    expect(page.get_by_role("status").filter(has_text="1 picture")).to_be_visible()
    assert asked == []


def test_the_grid_is_walked_through_by_keyboard(page: Page, album: Path) -> None:
    page.goto("/#/search?c=album")
    page.locator(".tile a").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile a").nth(1)).to_be_focused()
    page.keyboard.press("End")
    focused = page.locator(".tile a:focus")
    expect(focused).to_be_in_viewport()
    name = focused.get_attribute("title")
    page.keyboard.press("Enter")
    expect(page.locator(".tile a").first).to_have_attribute("title", str(name))


def test_hostile_names_are_text_and_the_notice_says_that_the_network_is_untrained(page: Page, album: Path) -> None:
    page.goto("/#/search?c=album")
    expect(page.get_by_text("The network is untrained")).to_be_visible()
    hostile = page.locator('.tile a[title*="onerror"]')
    expect(hostile).to_have_accessible_name(re.compile("^<img src=x onerror="))
    hostile.click()
    expect(page.locator(".query-picture")).to_be_visible()
    expect(page).to_have_title("Image search")


def test_what_is_no_picture_is_refused_in_words(page: Page, album: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.png"
    wrong.write_bytes(b"no picture at all")
    page.goto("/#/search?c=album")
    expect(page.locator(".tile").first).to_be_visible()
    give(page, "drop", wrong)
    expect(page.get_by_role("alert").filter(has_text="The search did not work.")).to_be_visible()


def test_a_phone_shows_it_all_without_scrolling_sideways(page: Page, album: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/#/search?c=album")
    page.locator(".tile a").first.click()
    expect(page.locator(".distance").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
