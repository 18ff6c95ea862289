from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from imagesearch.catalog.engine import Catalog


@pytest.fixture
def stores_database(stores: Any) -> Iterator[Catalog]:
    """An empty database."""
    with closing(Catalog(stores.create_database())) as made:
        yield made
