"""A collection whose rows name keys."""

from __future__ import annotations

import pytest

from imagesearch.catalog.engine import Catalog
from support.album import Album


@pytest.fixture
def album(catalog: Catalog) -> Album:
    return Album(catalog)
