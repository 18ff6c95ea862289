"""Networks for the whole session: each is built and warmed up once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagesearch.files.roots import Roots
from imagesearch.settings import PictureSettings
from imagesearch_extractor.cpu import prepare_process, quiet_import
from imagesearch_extractor.embedding import SeededEmbedder
from imagesearch_extractor.reading import PictureReader
from support.drawing import photo_like

if TYPE_CHECKING:
    from imagesearch_extractor.network import Network
    from imagesearch_extractor.weights import Weights

COMPUTE_BATCH = 4
"""A picture costs a fifth of a second or more, so passes and the photos that fill one are few."""
PHOTOS = Path(__file__).resolve().parents[3].parent / "shared" / "photos"


@pytest.fixture(scope="session")
def random_7() -> Weights:
    from imagesearch_extractor.weights import random_weights

    return random_weights("random:7")


@pytest.fixture(scope="session")
def tensorflow() -> None:
    """Import TensorFlow once, with its threads fitted to the machine."""
    import sys

    if "tensorflow" not in sys.modules:
        prepare_process()
        with quiet_import():
            import imagesearch_extractor.network  # noqa: F401


@pytest.fixture(scope="session")
def exact(tensorflow: None, random_7: Weights) -> Network:
    """Compute in float32, as the published system does."""
    from imagesearch_extractor.network import Network

    return Network(random_7, dtype="float32", compute_batch=COMPUTE_BATCH)


@pytest.fixture(scope="session")
def fast(tensorflow: None, random_7: Weights) -> Network:
    """Compute in what this machine does fastest, as workers do."""
    from imagesearch_extractor.network import Network, fastest_dtype

    network = Network(random_7, dtype=fastest_dtype(on_gpu=False), compute_batch=COMPUTE_BATCH)
    network.warm_up()
    return network


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return five photos of different things, or drawings where the photos are not at hand."""
    if PHOTOS.is_dir():
        return sorted(PHOTOS.glob("*/*.jpg"))[::100]
    folder = tmp_path_factory.mktemp("drawn")
    return [save(folder / f"{seed}.jpg", seed) for seed in range(5)]


def save(path: Path, seed: int) -> Path:
    photo_like(seed).save(path, quality=92)
    return path


@pytest.fixture
def seeded() -> SeededEmbedder:
    return SeededEmbedder(3)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[PictureReader]:
    """Read under the test's own directory alone."""
    with_roots = PictureReader(Roots((tmp_path.resolve(),)), PictureSettings(), threads=2)
    yield with_roots
    with_roots.close()
