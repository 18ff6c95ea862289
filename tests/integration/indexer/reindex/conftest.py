"""What every test of a reindex starts from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.world import World


@pytest.fixture
def world(world: World) -> World:
    """An indexer that drops what a reindex replaced at once."""
    return replace(world, settings=world.settings.model_copy(update={"retire_seconds": 0.0}))
