"""Uploads are compared with their files in both directions, and strays are removed only when nobody wants them."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from imagesearch import upload_check
from imagesearch.admin import main
from imagesearch.catalog import images
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.tables import stray_files
from imagesearch.files.uploads import Uploads
from imagesearch.upload_check import Difference, differences
from support.album import Album

pytestmark = pytest.mark.integration


@pytest.fixture
def album(catalog: Catalog) -> Album:
    return Album(catalog)


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path.resolve() / "uploads")


def store(album: Album, uploads: Uploads, data: bytes, *, row: bool = True) -> str:
    """Store an upload, and give it a row, if it is to have one."""
    collection_id = album.collection.id
    path = uploads.path_of(collection_id, "", hashlib.sha256(data).hexdigest(), "PNG")
    uploads.store(path, data)
    if row:
        with album.catalog.transaction() as tx:
            made = images.ensure_rows(tx, collection_id, [str(path)], "", {})
            images.mark_uploaded(tx, made[str(path)].id)
    return str(path)


def use(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the command find the catalogue."""
    with catalog.reading() as tx:
        monkeypatch.setenv("DATABASE_URL", tx.engine.url.render_as_string(hide_password=False))


def found(album: Album, uploads: Uploads, *, contents: bool = False) -> dict[str, str]:
    seen = list(differences(album.catalog, uploads, contents=contents))
    assert all(each.collection_id == album.collection.id for each in seen)
    return {each.path: each.state for each in seen}


def test_what_agrees_is_not_told_of(album: Album, uploads: Uploads) -> None:
    assert found(album, uploads) == {}
    store(album, uploads, b"one")
    album.index("/library/a.jpg")
    assert found(album, uploads, contents=True) == {}


def test_each_way_not_to_agree_is_told_of(album: Album, uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_check, "PAGE", 2)
    whole = [store(album, uploads, bytes([number])) for number in range(5)]
    gone, empty, other, link = (store(album, uploads, data) for data in (b"gone", b"empty", b"other", b"link"))
    strays = {store(album, uploads, bytes([0, number]), row=False) for number in range(3)}
    Path(gone).unlink()
    Path(empty).write_bytes(b"")
    Path(other).write_bytes(b"else")
    Path(link).unlink()
    os.mkfifo(link)
    seen = found(album, uploads, contents=True)
    assert seen == {gone: "missing", empty: "damaged", other: "damaged", link: "damaged"} | dict.fromkeys(
        strays, "stray"
    )
    assert set(whole).isdisjoint(seen)
    assert found(album, uploads).get(other) is None, "without its contents it looks whole"


def test_what_changes_meanwhile_is_looked_at_again(
    album: Album, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store(album, uploads, b"one")
    looks = iter(["missing", "whole"])
    monkeypatch.setattr(uploads, "state", lambda *_, **__: next(looks))
    monkeypatch.setattr(uploads, "files", lambda _: iter(()))
    assert found(album, uploads) == {}
    monkeypatch.undo()
    Path(path).unlink()
    assert found(album, uploads) == {path: "missing"}


def test_the_command_tells_each_and_has_strays_looked_at_later(
    album: Album, uploads: Uploads, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(album.catalog, monkeypatch)
    monkeypatch.setenv("UPLOAD_ROOT", str(uploads.root))
    stray, gone = store(album, uploads, b"stray", row=False), store(album, uploads, b"gone")
    Path(gone).unlink()
    assert main(["verify-uploads", "--json", "--remove-strays"]) == 1
    printed = capsys.readouterr()
    lines = [Difference(**json.loads(line)) for line in printed.out.splitlines()]
    assert [(line.state, line.path, line.image_id is None) for line in lines] == [
        ("missing", gone, False),
        ("stray", stray, True),
    ]
    assert printed.err == "1 missing, 0 damaged, 1 stray\n"
    with album.catalog.transaction() as tx:
        noted = tx.execute(
            sa.select(stray_files.c.path, stray_files.c.look_after > sa.func.clock_timestamp())
        ).all()
    assert noted == [(stray, True)]
    assert Path(stray).exists()


def test_the_command_says_where_uploads_are_off(
    album: Album, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(album.catalog, monkeypatch)
    monkeypatch.delenv("UPLOAD_ROOT", raising=False)
    assert main(["verify-uploads"]) == 1
    assert "UPLOAD_ROOT is not set" in capsys.readouterr().err
