"""Index pictures as the published system does: one by one through `predict`, and one insert at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from pymilvus import DataType, MilvusClient

from imagesearch.networks import VGG16

COLLECTION: Final = "published"


class Published:
    """Hold the network as the published system has it: Keras' own, in float32."""

    def __init__(self, weights: str) -> None:
        import keras  # noqa: PLC0415 - TensorFlow must find its threads set

        from imagesearch_extractor.loading import load_weights  # noqa: PLC0415

        self._keras = keras
        shape = (VGG16.side, VGG16.side, 3)
        self._model = keras.applications.VGG16(weights=None, input_shape=shape, pooling="max", include_top=False)
        loaded = load_weights(weights, VGG16.name, sha256="", download_timeout=60)
        self._model.set_weights(list(loaded.arrays))

    def create(self, client: MilvusClient) -> None:
        """Make its collection."""
        schema = MilvusClient.create_schema(auto_id=True)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=VGG16.dimension)
        client.create_collection(COLLECTION, schema=schema)

    def index(self, client: MilvusClient, paths: Sequence[Path]) -> None:
        """Extract pictures one after the other, and insert their vectors."""
        vectors = [self._extract(path) for path in paths]
        client.insert(COLLECTION, [{"vector": vector} for vector in vectors])

    def _extract(self, path: Path) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        image = self._keras.utils.load_img(path, target_size=(VGG16.side, VGG16.side))
        pixels = np.expand_dims(self._keras.utils.img_to_array(image), axis=0)
        features = self._model.predict(self._keras.applications.vgg16.preprocess_input(pixels), verbose=0)
        found: np.ndarray[tuple[int], np.dtype[np.float32]] = features[0] / np.linalg.norm(features[0])
        return found
