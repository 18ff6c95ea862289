"""People search: by a picture that they give, by one that they see, and find it again by Back and by address."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from support.giving import give
from support.waiting import until

pytestmark = pytest.mark.browser


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
    expect(page.get_by_role("status").filter(has_text="40 pictures")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/search" in request.url else None)
    slider = page.get_by_role("slider", name="At most this far away")
    slider.focus()
    for _ in range(3):
        slider.press("PageDown")
    expect(page.get_by_role("status").filter(has_text="40 pictures")).to_have_count(0)
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


def test_a_part_of_a_picture_is_drawn_and_moved_by_keys(page: Page, album: Path) -> None:
    page.goto("/#/search?c=album")
    page.locator(".tile a").first.click()
    page.get_by_role("button", name="Search by a part").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.get_by_role("button", name="Search by this part").click()
    expect(page).to_have_url(re.compile(r"box=0\.2700%2C0\.2500%2C0\.5000%2C0\.5200"))
    expect(page.locator(".query-picture + .frame")).to_be_visible()
    expect(page.locator(".distance").first).not_to_have_text("0.0000")
    page.get_by_role("button", name="Search by all of it").click()
    expect(page.locator(".distance").first).to_have_text("0.0000")


def test_several_pictures_find_what_looks_like_any_of_them(page: Page, album: Path) -> None:
    page.goto("/#/search?c=album")
    expect(page.locator(".tile").first).to_be_visible()
    give(page, "drop", album / "picture 03.png", album / "picture 21.png")
    expect(page.locator(".query-picture")).to_have_count(2)
    expect(page.locator(".distance").nth(1)).to_have_text("0.0000")
    names = {page.locator(".tile a").nth(index).get_attribute("title") for index in range(2)}
    assert names == {str(album / "picture 03.png"), str(album / "picture 21.png")}


def test_a_result_is_seen_whole_and_beside_the_query(page: Page, album: Path) -> None:
    page.goto("/#/search?c=album")
    page.locator(".tile a").first.click()
    second = page.locator(".tile").nth(1)
    expect(second.locator(".distance")).to_be_visible()
    second.hover()
    second.get_by_role("button").click()
    viewer = page.get_by_role("dialog", name="Picture")
    expect(viewer.get_by_text("SHA-256")).to_be_visible()
    viewer.get_by_role("button", name="Compare with the query").click()
    expect(viewer.get_by_role("slider")).to_be_visible()
    why = viewer.get_by_role("button", name="Why are they alike?")
    why.focus()
    page.keyboard.press("Enter")
    heat = viewer.locator(".heat")
    expect(heat).to_have_count(2)
    # Both are laid over their picture, and loaded.
    expect(viewer.get_by_role("status")).to_contain_text("have in common is left out")
    expect(why).to_have_attribute("aria-pressed", "true")
    assert heat.evaluate_all("all => all.every((one) => one.complete && one.naturalWidth > 0)")
    expect(why).to_be_focused()
    page.keyboard.press("Enter")
    expect(heat).to_have_count(0)
    page.keyboard.press("Escape")
    expect(second.locator("a")).to_be_focused()


def test_what_is_seen_whole_has_an_address_and_back_leads_to_the_results(page: Page, album: Path) -> None:
    page.goto("/#/search?c=album")
    page.locator(".tile a").first.click()
    second = page.locator(".tile").nth(1)
    expect(second.locator(".distance")).to_be_visible()
    results = page.url
    second.hover()
    second.get_by_role("button").click()
    viewer = page.get_by_role("dialog", name="Picture")
    page.keyboard.press("ArrowRight")
    name = str(viewer.get_by_role("heading").text_content())
    address = page.url
    assert "see=" in address
    page.go_back()
    expect(viewer).to_have_count(0)
    assert page.url == results
    page.goto("about:blank")
    page.goto(address)
    expect(viewer.get_by_role("heading")).to_have_text(name)
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    expect(page).to_have_url(results)


MANY = """async () => {
  const app = document.querySelector("script[type=module]").src;
  const { Grid } = await import(app.replace("app.js", "grid.js"));
  const make = (image) => {
    const tile = document.createElement("li");
    const link = document.createElement("a");
    tile.className = "tile";
    link.href = "#";
    link.title = image.path;
    link.dataset.focus = "true";
    tile.append(link);
    return tile;
  };
  const imageAt = (_, at) => ({ id: at, path: `/${at}`, width: 160, height: 100 + at % 90 });
  const images = Array.from({ length: 10_000 }, imageAt);
  const grid = new Grid("many", make, () => {});
  document.querySelector("main").replaceChildren(grid.element);
  grid.show(images, true);
  const height = grid.element.offsetHeight;
  let most = 0;
  let shown = new Set();
  for (let top = 0; top < height; top += innerHeight) {
    scrollTo(0, top);
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const tiles = [...grid.element.querySelectorAll(".tile")];
    most = Math.max(most, tiles.length);
    for (const tile of tiles) shown.add(tile.dataset.index);
  }
  return [most, shown.size];
}"""


def test_of_ten_thousand_results_only_those_near_the_screen_are_in_the_document(page: Page, album: Path) -> None:
    page.goto("/#/search?c=album")
    expect(page.locator(".tile").first).to_be_visible()
    most, shown = page.evaluate(MANY)
    assert most < 300
    assert shown == 10_000
    page.locator(".tile a").last.focus()
    page.keyboard.press("End")
    expect(page.locator('.tile[aria-posinset="10000"] a')).to_be_focused()
    # Tab stops once in the grid, not in each of its pictures.
    assert page.locator(".tile a[tabindex='0']").count() == 1


def test_a_search_that_nobody_waits_for_any_more_is_given_up(page: Page, album: Path) -> None:
    given_up: list[str] = []
    page.on("requestfailed", lambda request: given_up.append(request.url))
    # Never answered, as if the network were slow.
    page.route("**/search", lambda route: None)
    page.goto("/#/search?c=album")
    page.locator(".tile a").first.click()
    expect(page.locator(".coming")).to_be_visible()
    page.get_by_role("link", name="New search").click()
    expect(page.locator(".tile").first).to_be_visible()
    until(lambda: any(url.endswith("/search") for url in given_up))
    page.unroute("**/search")
    page.go_back()
    expect(page.locator(".distance").first).to_be_visible()


def test_a_search_goes_on_by_itself_when_the_store_is_back(page: Page, album: Path) -> None:
    away = {"status": 503, "json": {"status": 503, "detail": "milvus does not answer"}}
    page.route("**/search", lambda route: route.fulfill(**away))
    page.route("**/readyz/stores", lambda route: route.fulfill(**away))
    page.goto("/#/search?c=album")
    page.locator(".tile a").first.click()
    notice = page.locator(".notice.is-problem")
    expect(notice).to_contain_text("Something the search needs does not answer. milvus does not answer")
    expect(page.get_by_role("alert").filter(has_text="The search did not work.")).to_be_visible()
    page.unroute("**/search")
    page.unroute("**/readyz/stores")
    expect(page.locator(".distance").first).to_be_visible()
    expect(notice).to_have_count(0)


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


def test_metadata_that_exists_is_offered_and_narrows_down(page: Page, labelled: str) -> None:
    page.goto(f"/#/search?c={labelled}")
    page.locator(".tile a").first.click()
    expect(page.locator(".tile")).to_have_count(4)
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_role("combobox", name="colour").select_option("red (2)")
    expect(page.locator(".tile")).to_have_count(2)
    # What was changed keeps the focus, so that the next field is one Tab away.
    expect(page.get_by_role("combobox", name="colour")).to_be_focused()
    page.get_by_label("year, from").fill("1992")
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(1)
    address = page.url

    page.get_by_role("button", name="No longer filter by: colour is red").click()
    expect(page.locator(".tile")).to_have_count(3)
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".chip")).to_have_text(["colour is red", "year from 1992"])

    page.goto(f"/#/library?c={labelled}&where=" + quote('{"eq":["colour","<b>blue</b>"]}'))
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.locator(".chip")).to_have_text("colour is <b>blue</b>")
    page.goto(f"/#/search?c={labelled}&image=1&where=nonsense")
    expect(page.get_by_role("alert").filter(has_text="filter: an object with exactly one key")).to_be_visible()


def test_a_phone_shows_it_all_without_scrolling_sideways(page: Page, album: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/#/search?c=album")
    page.locator(".tile a").first.click()
    expect(page.locator(".distance").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
