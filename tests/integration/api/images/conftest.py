"""What the tests of uploads share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imagesearch.catalog import collections
from imagesearch.errors import QueryTimeout
from imagesearch.files.roots import UploadStore
from imagesearch_api.images import upload
from imagesearch_api.services import Services
from support.api_twin import services_of
from support.world import MODEL, World, vector_of


@pytest.fixture
def services_with(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[UploadStore], Services]:
    """What an upload uses, before an indexer that never answers and a network that sees the same everywhere."""

    def ask(*_: object) -> None:
        raise QueryTimeout("nobody answers")

    monkeypatch.setattr(upload, "infer", lambda *_: (MODEL, [vector_of(b"uploaded")]))
    with world.catalog.transaction() as tx:
        collections.create(tx, "default")
    return lambda uploads: services_of(
        catalog=world.catalog, vectors=world.vectors, ask=ask, uploads=uploads, roots=world.roots
    )
