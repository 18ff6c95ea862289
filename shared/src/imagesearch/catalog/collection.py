"""Hold what is recorded of a collection, and what follows from it alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from imagesearch.bands import UNMEASURED_DISTANCE, Bands, bands_of
from imagesearch.catalog.states import CollectionState
from imagesearch.networks import BUILT_IN, UNPOOLED, ModelIdentity, NetworkSpec
from imagesearch.pipeline import Preprocessing, Preset, fingerprint, pooled_model


@dataclass(frozen=True, slots=True)
class Collection:
    """Describe one collection as the catalogue knows it.

    Attributes:
        dimension: numbers of a vector.
        network: name of the network that its pictures go through.
        model: identity of the network that built it, as its workers have it; None while it is empty.
        fingerprint: of network and preprocessing together; None while it is empty.
        vector_collection: name of the Milvus collection behind it.
        generation: how often its pipeline was replaced.
        switched_build: the job of the build that it was switched to, while rows are still to follow.
    """

    id: int
    name: str
    dimension: int
    metric: str
    network: str
    model: str | None
    fingerprint: str | None
    preprocessing: Preprocessing
    index_type: str
    index_params: dict[str, Any]
    vector_collection: str
    state: CollectionState
    created_at: datetime
    generation: int = 0
    switched_build: str | None = None

    @property
    def is_current(self) -> bool:
        """Tell whether new pictures would be read as those were that made its vectors."""
        return self.model is None or self.fingerprint == fingerprint(self.model, self.preprocessing)

    @property
    def network_spec(self) -> NetworkSpec:
        """Return what is known of its network; the side is the collection's own."""
        is_built_in = self.network in BUILT_IN
        if self.model is not None:
            pooling = ModelIdentity.parse(self.model).pooling
        else:
            pooling = BUILT_IN[self.network].pooling if is_built_in else UNPOOLED
        return NetworkSpec(self.network, self.dimension, self.preprocessing.side, pooling, not is_built_in)

    @property
    def pooling(self) -> str:
        """Return how the last feature map of its network becomes a vector."""
        return self.preprocessing.pooling or self.network_spec.pooling

    @property
    def pooled_model(self) -> str | None:
        """Return the identity of its network with its own pooling; None while it is empty."""
        return None if self.model is None else pooled_model(self.model, self.preprocessing)

    @property
    def preset(self) -> Preset | None:
        """Return the name of its pipeline; None where that is somebody's own."""
        return Preset.of(self.preprocessing, self._own_network)

    @property
    def bands(self) -> Bands | None:
        """Return how its distances are put into words; None where nothing was measured for its pipeline."""
        return bands_of(self._own_network, self.preprocessing)

    @property
    def duplicates_distance(self) -> float:
        """Return how far apart near duplicates may lie, where nobody says."""
        return self.bands.near if self.bands is not None else UNMEASURED_DISTANCE

    @property
    def _own_network(self) -> NetworkSpec:
        known = BUILT_IN.get(self.network)
        return self.network_spec if known is None else replace(self.network_spec, side=known.side)
