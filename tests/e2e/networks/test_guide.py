"""The pages of docs/guide, followed command by command by somebody who has six pictures."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.documented import REPOSITORY, Reader, blocks
from support.drawing import photo_like
from support.system import System

pytestmark = pytest.mark.e2e

GUIDE = REPOSITORY / "docs" / "guide"
PAGES = sorted(path.name for path in GUIDE.glob("*.md"))
EXIT_CODES = {"index": {0, 2}, "admin": {0, 1}}
"""What commands may end with that have something to say: a picture that is none, a problem that was found."""


@pytest.fixture(scope="module")
def real(system: System, library: Path) -> dict[str, str]:
    """What the variables of all pages are here."""
    photos, lists = library / "shelf", library / "lists"
    photos.mkdir()
    lists.mkdir()
    for number, name in enumerate(("beach-1", "beach-2", "cat", "dog", "garden")):
        photo_like(500 + number, (160, 120)).save(photos / f"{name}.jpg")
    (photos / "copy.jpg").write_bytes((photos / "beach-1.jpg").read_bytes())
    (photos / "notes.jpg").write_text("no picture")
    return {"URL": system.url, "PHOTOS": str(photos), "LISTS": str(lists), "PICTURE": str(photos / "cat.jpg")}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_happens(page: str, system: System, real: dict[str, str]) -> None:
    text = (GUIDE / page).read_text()
    Reader(system.url, real).follow(text)
    for line in "".join(blocks(text, "sh")).splitlines():
        run(line.replace("/photos", real["PHOTOS"]), system.url)
    for block in blocks(text, "python"):
        code = block.replace("http://127.0.0.1:5000", system.url).replace("/photos", real["PHOTOS"])
        exec(compile(code, page, "exec"), {})  # noqa: S102 - our own page


def run(line: str, url: str) -> None:
    """Run a line of the command."""
    program, *arguments = shlex.split(line, comments=True)
    assert program == "imagesearch", line
    command = (Path(sys.executable).with_name(program), *arguments)
    done = subprocess.run(
        command, env=os.environ | {"IMAGESEARCH_URL": url}, capture_output=True, text=True, check=False
    )
    assert done.returncode in EXIT_CODES.get(arguments[0], {0}), f"{line}\n{done.stdout}\n{done.stderr}"


def test_links_lead_to_what_is_there() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", (GUIDE / page).read_text()):
            assert (GUIDE / target).exists(), f"{page}: {target}"
