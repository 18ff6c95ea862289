"""Hold what figures are measured on; each part is started when it is needed for the first time."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import structlog

from bench.board import Board
from bench.options import Options
from bench.pictures import Pictures
from bench.product import Product
from bench.sizes import Sizes
from imagesearch.contract import Pixels, Vectors
from imagesearch.networks import VGG16, VGG16_INT8
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import DEFAULT_PRESET
from imagesearch.settings import PictureSettings
from imagesearch_extractor.cpu import quiet_import
from imagesearch_extractor.embedding import Embedder
from imagesearch_extractor.settings import ExtractorSettings
from support.milvus_servers import MilvusServer

T = TypeVar("T")

REPOSITORY: Final = Path(__file__).parents[1]
COMPUTE_BATCH: Final = ExtractorSettings().compute_batch
"""Pictures of one forward pass, as the product makes it."""


class NotMeasured(Exception):
    """A figure is left out, for a reason that the table gives."""


class Ground:
    """What figures are measured on."""

    def __init__(self, options: Options, board: Board, folder: Path, resources: ExitStack) -> None:
        self.options = options
        self.board = board
        self.folder = folder
        self._resources = resources
        self._networks: dict[str, Embedder] = {}

    @property
    def sizes(self) -> Sizes:
        """Return how much is measured."""
        return self.options.sizes

    @cached_property
    def pictures(self) -> Pictures:
        """Return the photos, and crops of them."""
        return Pictures(self.options.photos)

    @cached_property
    def library(self) -> Path:
        """Return the root of what the product may read."""
        library = self.folder / "library"
        library.mkdir()
        return library

    @cached_property
    def milvus(self) -> MilvusServer:
        """Return the real Milvus server."""
        server = MilvusServer(self.folder / "milvus")
        self._resources.callback(server.end)
        server.start()
        return server

    @cached_property
    def product(self) -> Product:
        """Return the running product, with both networks where there are weights of both."""
        int8 = self.options.weights_int8
        networks = {VGG16_INT8.name: int8} if int8 else {}
        made = Product(self.folder / "product", self.library, self.milvus.uri, self.options.weights, networks)
        self._resources.callback(made.stop)
        made.start()
        return made

    @cached_property
    def parts(self) -> Vectors:
        """Return the vectors of random crops of photos, float32[n, 512]."""
        return self.vectors([self.pictures.crop(number) for number in range(self.sizes.crops)])

    def keep(self, resource: AbstractContextManager[T]) -> T:
        """Enter a context that ends when everything has been measured."""
        return self._resources.enter_context(resource)

    def network(self, name: str = VGG16.name) -> Embedder:
        """Return a network as the product's workers load it.

        Raises:
            NotMeasured: there are no weights for it.
        """
        if name not in self._networks:
            self._networks[name] = load(self.options, name)
        return self._networks[name]

    def vectors(self, pictures: list[bytes]) -> Vectors:
        """Return the vectors that the product has of pictures, float32[n, 512]."""
        return self.network().embed(pixels_of(pictures), PIPELINE.pooling)


PIPELINE: Final = DEFAULT_PRESET.options(VGG16)
"""Of new collections, whichever VGG16 they are for."""


def be_quiet() -> None:
    """Keep what the product logs of its work out of the figures; warnings are shown."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def pixels_of(pictures: list[bytes]) -> Pixels:
    """Return pictures as the network sees them, uint8[n, 224, 224, 3]."""
    limits = PictureSettings()
    return np.stack([decode(picture, PIPELINE, limits).pixels for picture in pictures])


def load(options: Options, name: str) -> Embedder:
    """Load a network as the product's workers do, into this process.

    Raises:
        NotMeasured: there are no weights for it.
    """
    weights = {VGG16.name: options.weights, VGG16_INT8.name: options.weights_int8}[name]
    if not weights:
        raise NotMeasured("WEIGHTS_INT8 names no weights in 8 bits")
    with quiet_import():
        from imagesearch_extractor.worker import load_network  # noqa: PLC0415 - TensorFlow must find its threads set

    return load_network(ExtractorSettings(network=name, weights=weights))
