"""A world whose vectors lie in memory, and reads of them may be a moment behind."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from imagesearch.vectors import VectorStore
from support.lagging import LaggingStore
from support.world import World


@pytest.fixture
def store() -> LaggingStore:
    return LaggingStore()


@pytest.fixture
def world(world: World, store: LaggingStore) -> World:
    settings = world.settings.model_copy(update={"retire_seconds": 0.0})
    return replace(world, vectors=cast(VectorStore, store), settings=settings)
