"""Nothing serious keeps people from using the page, and pages of other origins work as they did."""

from __future__ import annotations

import base64
from pathlib import Path
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from support.system import System

pytestmark = pytest.mark.browser

PUBLISHED = """async ([base, folder, table, picture]) => {
  const said = {};
  const json = { "Content-Type": "application/json" };
  const body = JSON.stringify({ File: folder, Table: table });
  said.train = (await fetch(`${base}/api/v1/train`, { method: "POST", headers: json, body })).status;
  for (let current = 0, total = 1; current !== total; ) {
    const text = await (await fetch(`${base}/api/v1/process`)).text();
    [current, total] = text.split(",").map((part) => parseInt(part.split(":")[1]));
    said.process = current;
  }
  const named = new FormData();
  named.append("Table", table);
  said.count = await (await fetch(`${base}/api/v1/count`, { method: "POST", body: named })).text();
  const asked = new FormData();
  asked.append("file", new Blob([Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0))]));
  asked.append("Num", "2");
  asked.append("Table", table);
  const found = await (await fetch(`${base}/api/v1/search`, { method: "POST", body: asked })).json();
  said.found = found.map(([, distance]) => distance);
  const image = new Image();
  image.src = found[0][0];
  await image.decode();
  said.width = image.naturalWidth;
  said.delete = (await fetch(`${base}/api/v1/delete`, { method: "POST", body: named })).status;
  return said;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_view(page: Page, twins: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    seen = {
        f"/#/search?c={twins}": ".tile img.is-loaded",
        f"/#/library?c={twins}": ".tile img.is-loaded",
        "/#/jobs": ".job",
        f"/#/duplicates?c={twins}&max=0.3": ".duplicate",
        "/#/jobs?start=1": ".place",
    }
    for address, shown in seen.items():
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator(shown).first).to_be_visible()
        found = Axe().run(page).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        told = [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious]
        assert not told, address


def test_the_published_client_works_from_another_origin(
    page: Page, system: System, library: Path, foreign: str
) -> None:
    page.goto(foreign)
    picture = base64.b64encode((library / "twins" / "other.png").read_bytes()).decode()
    table = f"t{uuid4().hex[:12]}"
    said = page.evaluate(PUBLISHED, [system.url, str(library / "twins"), table, picture])
    assert said["train"] == 200
    assert said["process"] == 3
    assert said["count"] == "3"
    assert said["found"][0] < 0.001
    assert len(said["found"]) == 2
    assert said["width"] == 320
    assert said["delete"] == 200
