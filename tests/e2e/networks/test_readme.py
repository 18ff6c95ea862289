"""The README's examples, run as they stand: each curl line answers as is shown, the Python block is executed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.documented import Reader, blocks
from support.system import System

pytestmark = pytest.mark.e2e

README = (Path(__file__).parents[3] / "README.md").read_text()


def test_every_example_of_the_readme_answers_as_it_shows(system: System, album: Path) -> None:
    (album / "notes.jpg").write_text("no picture")
    # What a reader's machine has in other places, or under another id.
    real = {
        "URL": system.url,
        "IMAGES": str(album),
        "PICTURE": str(album / "first" / "picture 00.jpg").replace(" ", "\\ "),
    }
    assert Reader(system.url, real).follow(README) >= 12, "the README has lost its examples"


def test_the_python_of_the_readme_works(system: System, album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks(README, "python")
    picture = album / "first" / "picture 00.jpg"
    code = code.replace("http://127.0.0.1:5000", system.url).replace("/photos/cat.jpg", str(picture))
    exec(compile(code.replace('"/photos"', repr(str(album))), "README.md", "exec"), {})  # noqa: S102 - our own README
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    assert printed[0] == f"0.0000  {picture}"


def test_the_readme_names_only_verbs_that_make_knows() -> None:
    makefile = (Path(__file__).parents[3] / "Makefile").read_text()
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert named <= known, named - known
