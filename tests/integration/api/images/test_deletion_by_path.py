"""A deletion by paths finds an image by any name of its file, and asks the disk about the others alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from imagesearch.access.tenants import NOBODY
from imagesearch.catalog import collections, images
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.tables import images as image_table
from imagesearch_api.images import deletion
from imagesearch_api.images.deletion import Deletes

pytestmark = pytest.mark.integration

OTHERS = sa.text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A directory without a link in its own path."""
    return tmp_path.resolve()


@pytest.fixture
def ports(catalog: Catalog, library: Path) -> Deletes:
    with catalog.transaction() as tx:
        collection, _ = collections.create(tx, "album")
        images.ensure_rows(tx, collection.id, [f"{library}/{name}.png" for name in "abc"], "", {})
        tx.execute(sa.update(image_table).values(state="indexed", vector_key=image_table.c.id, sha256="0" * 64))
    return Deletes(catalog, lambda *_: None, lambda *_: None, timeout=5)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> list[str]:
    """The paths that the disk is asked about, each while the database has no transaction open."""
    found: list[str] = []
    resolve = deletion.canonical

    def canonical(text: str) -> str:
        with catalog.reading() as tx:
            assert tx.execute(OTHERS).scalar_one() == 0
        found.append(text)
        return resolve(text)

    monkeypatch.setattr(deletion, "canonical", canonical)
    return found


def test_paths_as_they_are_stored_are_not_resolved(ports: Deletes, library: Path, asked: list[str]) -> None:
    done = deletion.delete_paths(ports, "album", [f"{library}/a.png", f"{library}/b.png"], NOBODY)
    assert (done.deleted, done.missing, asked) == (2, [], [])


def test_an_image_is_found_by_any_name_of_its_file(ports: Deletes, library: Path, asked: list[str]) -> None:
    (library / "link").symlink_to(library)
    names = [f"{library}/a.png", f"{library}/link/b.png", f"{library}//b.png", f"{library}/x/../z.png", "/none"]
    done = deletion.delete_paths(ports, "album", names, NOBODY)
    assert done.deleted == 2
    assert done.missing == ["/none", f"{library}/x/../z.png"]
    assert asked == names[1:]


def test_what_was_deleted_meanwhile_is_missing(
    ports: Deletes, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_first(text: str) -> str:
        monkeypatch.undo()
        assert deletion.delete_paths(ports, "album", [f"{library}/a.png"], NOBODY).deleted == 1
        return text

    monkeypatch.setattr(deletion, "canonical", delete_first)
    done = deletion.delete_paths(ports, "album", [f"{library}/a.png", "/none"], NOBODY)
    assert (done.deleted, done.missing) == (0, ["/none", f"{library}/a.png"])
