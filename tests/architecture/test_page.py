"""The page is small, needs nothing from elsewhere, and shows text as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imagesearch_api.page.assets import MEDIA_TYPES, WEB, Assets

MAX_PACKED = 150 * 1024
MAX_LINES = 300
MODULES = sorted(WEB.glob("*.js"))
IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?from "([^"]+)";""", re.MULTILINE | re.DOTALL)
NAMES = re.compile(r"""^import \{([^}]*)\} from "\./([^"]+)";""", re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|const|class) (\w+)", re.MULTILINE)
BARRED = {
    "HTML out of text": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|ContextualFragment",
    "code out of text": r"\beval\(|new Function\(|javascript:|setTimeout\(\s*[\"'`]",
    "what the policy forbids": r"setAttribute\(\"style\"|\bstyle: [\"'`]",
    "other hosts": r"https?://(?!www\.w3\.org/2000/svg)[\w]",
    "left from looking for mistakes": r"\bdebugger\b|console\.",
}


def test_the_page_stays_small() -> None:
    assets = Assets.read(WEB)
    packed = sum(len(asset.packed) for asset in (assets.index, *assets.files.values()))
    assert packed < MAX_PACKED
    assert all(len(path.read_text().splitlines()) <= MAX_LINES for path in MODULES)


def test_every_file_has_a_type() -> None:
    assert {path.suffix for path in WEB.iterdir()} <= set(MEDIA_TYPES)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_imports_what_others_export(path: Path) -> None:
    text = path.read_text()
    assert all(source.startswith("./") for source in IMPORT.findall(text))
    for names, source in NAMES.findall(text):
        exported = set(EXPORT.findall((WEB / source).read_text()))
        wanted = {name.strip() for name in names.split(",") if name.strip()}
        assert wanted <= exported, f"{path.name} takes {wanted - exported} from {source}"
        unused = {name for name in wanted if len(re.findall(rf"\b{name}\b", text)) < 2}
        assert not unused, f"{path.name} does not use {unused}"


@pytest.mark.parametrize("what", BARRED)
def test_no_module_holds_what_it_must_not(what: str) -> None:
    for path in MODULES:
        assert not re.search(BARRED[what], path.read_text()), f"{path.name}: {what}"


def test_the_document_holds_no_script_and_no_style() -> None:
    document = (WEB / "index.html").read_text()
    assert not re.search(r"<script(?![^>]* src=)|<style|\bstyle=|\bon\w+=", document)


def test_what_others_export_is_used() -> None:
    everything = "\n".join(path.read_text() for path in MODULES)
    for path in MODULES:
        for name in EXPORT.findall(path.read_text()):
            assert len(re.findall(rf"\b{name}\b", everything)) > 1, f"{path.name} exports {name} for nobody"
