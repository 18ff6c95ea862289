"""The files of the page are read once, and their version changes with any of them."""

from __future__ import annotations

import gzip
from pathlib import Path

from imagesearch_api.page.assets import Assets


def folder_of(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_the_document_names_the_version_and_is_none_of_the_files(tmp_path: Path) -> None:
    assets = Assets.read(folder_of(tmp_path / "a", index_html="page/{{version}}/app.js", app_js="1"))
    assert assets.index.content == f"page/{assets.version}/app.js".encode()
    assert list(assets.files) == ["app.js"]


def test_packed_content_is_the_content_in_the_same_bytes_each_time(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", index_html="", app_js="let x = 1;" * 100)
    first, second = Assets.read(folder).files["app.js"], Assets.read(folder).files["app.js"]
    assert gzip.decompress(first.packed) == first.content
    assert first == second


def test_another_content_or_name_is_another_version(tmp_path: Path) -> None:
    versions = {
        Assets.read(folder_of(tmp_path / "a", index_html="", app_js="1")).version,
        Assets.read(folder_of(tmp_path / "b", index_html="", app_js="2")).version,
        Assets.read(folder_of(tmp_path / "c", index_html="", apps_js="1")).version,
        Assets.read(folder_of(tmp_path / "d", index_html="1", app_js="")).version,
    }
    assert len(versions) == 4
