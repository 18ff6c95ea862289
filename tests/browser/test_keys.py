"""Where the API asks for a key, the page asks for it once, and keeps it where no script reads it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from support.kept_ports import kept_port
from support.system import PLAIN, System
from support.waiting import TIMEOUT, ended, until

pytestmark = pytest.mark.browser

COMMAND = [sys.executable, "-m"]


@dataclass(frozen=True)
class Guarded:
    """An API of the running system that asks for keys, and two keys of it: one for all, one for the album."""

    url: str
    key: str
    album_key: str


@pytest.fixture(scope="module")
def guarded(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A second API beside the first one, on the same stores and workers."""
    lines = (system.folder / "data" / "run" / "stack.env").read_text().splitlines()
    stack = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    environment = system.environment | stack | {"API_KEYS": "true"}
    make = [*COMMAND, "imagesearch.admin", "keys", "make", "--scope", "write"]
    key, album_key = (
        subprocess.run(
            [*make, *more], env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
        for more in (["page"], ["of the album", "--collection", "album"])
    )
    port = kept_port()
    url = f"http://127.0.0.1:{port}"
    serve = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--config", "python:imagesearch_api.gunicorn_conf"]
    output = tmp_path_factory.mktemp("guarded") / "output"

    def is_ready() -> bool:
        try:
            return httpx.get(f"{url}/readyz", timeout=TIMEOUT, verify=PLAIN).status_code == 200
        except httpx.TransportError:
            return False

    with output.open("wb") as sink:
        api = subprocess.Popen(
            [*COMMAND, *serve, "imagesearch_api.app:create_app()"], stdout=sink, stderr=sink, env=environment
        )
    try:
        until(is_ready, alive=api, output=output)
        yield Guarded(url, key, album_key)
    finally:
        api.send_signal(signal.SIGTERM)
        assert ended(api) == 0


def asked(page: Page) -> Locator:
    return page.get_by_role("dialog", name="An API key is needed")


def test_a_key_is_asked_for_once_and_signing_out_ends_it(page: Page, guarded: Guarded, album: Path) -> None:
    page.goto(f"{guarded.url}/#/library?c=album")
    field = asked(page).get_by_label("API key")
    expect(field).to_be_focused()
    # Several requests were refused at the beginning: one window asks for all of them.
    expect(asked(page)).to_have_count(1)

    page.keyboard.type("imagesearch_wrong")
    page.keyboard.press("Enter")
    expect(asked(page).get_by_role("alert")).to_have_text(
        "That key is not valid: it is misspelt, or it was revoked."
    )
    expect(field).to_be_focused()

    # What was wrong is selected, so that the next key takes its place.
    page.keyboard.type(guarded.key)
    page.keyboard.press("Enter")
    expect(asked(page)).to_have_count(0)
    expect(page.locator(".tile img.is-loaded").first).to_be_visible()

    page.reload()
    expect(page.locator(".tile img.is-loaded").first).to_be_visible()
    expect(asked(page)).to_have_count(0)
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    assert guarded.key not in kept
    assert guarded.key not in str(page.context.cookies())

    page.get_by_role("button", name="Sign out").click()
    expect(asked(page)).to_be_visible()
    expect(page.locator(".tile")).to_have_count(0)
    assert not page.context.cookies()


def test_a_session_that_ends_meanwhile_is_begun_again_where_one_was(
    page: Page, guarded: Guarded, album: Path
) -> None:
    page.goto(f"{guarded.url}/#/library?c=album")
    asked(page).get_by_label("API key").fill(guarded.key)
    page.keyboard.press("Enter")
    expect(page.locator(".tile img.is-loaded").first).to_be_visible()
    page.context.clear_cookies()
    page.get_by_role("link", name="Jobs").click()
    asked(page).get_by_label("API key").fill(guarded.key)
    page.keyboard.press("Enter")
    expect(page.locator(".job").first).to_be_visible()


def test_another_key_shows_what_it_allows_and_nothing_of_before(
    page: Page, guarded: Guarded, album: Path, twins: str
) -> None:
    page.goto(f"{guarded.url}/#/library?c={twins}")
    asked(page).get_by_label("API key").fill(guarded.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=twins)).to_be_visible()
    page.context.clear_cookies()
    page.get_by_role("link", name="Jobs").click()
    # Behind the window nothing can be chosen that is not known yet to be allowed.
    asked(page).get_by_label("API key").fill(guarded.album_key)
    page.keyboard.press("Enter")
    expect(page.locator(".job").first).to_be_visible()
    page.get_by_role("link", name="Library").click()
    expect(page.get_by_role("heading", name="album")).to_be_visible()
    expect(page.get_by_role("heading", name=twins)).to_have_count(0)
    expect(page.get_by_label("Collection").locator("option")).to_have_count(1)


def test_a_deletion_that_waits_is_sent_before_its_session_ends(
    page: Page, guarded: Guarded, http: httpx.Client, twins: str
) -> None:
    page.clock.install()
    page.goto(f"{guarded.url}/#/library?c={twins}")
    expect(page.get_by_role("combobox", name="Collection")).to_be_hidden()
    asked(page).get_by_label("API key").fill(guarded.key)
    page.keyboard.press("Enter")
    page.locator(".tile button").first.click()
    page.keyboard.press("Delete")
    page.keyboard.press("Escape")
    expect(page.locator(".tile")).to_have_count(2)
    page.get_by_role("button", name="Sign out").click()
    expect(asked(page)).to_be_visible()
    assert len(http.get(f"/api/v2/collections/{twins}/images").json()["items"]) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_whoever_gives_no_key_is_told_and_asked_again_on_request(
    page: Page, guarded: Guarded, scheme: str, tmp_path: Path
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    page.set_viewport_size({"width": 390, "height": 780})
    page.goto(guarded.url)
    expect(asked(page)).to_be_visible()
    page.keyboard.type("one that is wrong")
    page.keyboard.press("Enter")
    expect(asked(page).get_by_role("alert")).not_to_be_empty()
    # Playwright writes files in a thread that it leaves running.
    (tmp_path / "asked.png").write_bytes(page.screenshot())
    found = Axe().run(page).response["violations"]
    assert not [(one["id"], one["nodes"]) for one in found if one["impact"] in ("serious", "critical")]
    page.keyboard.press("Escape")
    expect(asked(page)).to_have_count(0)
    expect(page.get_by_role("alert").filter(has_text="needs a key")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(asked(page)).to_be_visible()


def test_no_key_is_asked_for_where_none_is_needed(page: Page, album: Path) -> None:
    page.goto("/#/library?c=album")
    expect(page.locator(".tile img.is-loaded").first).to_be_visible()
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    expect(asked(page)).to_have_count(0)
