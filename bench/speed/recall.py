"""Compare what the default index finds with what is there."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import numpy as np

from bench.ground import Ground
from bench.milvus.features import Mixtures, chunks, noise
from bench.milvus.truth import K, Nearest
from bench.speed.searched import fill, wait_for_index
from imagesearch.contract import Vectors
from imagesearch.networks import VGG16
from imagesearch.settings import MilvusSettings
from imagesearch.vectors import IndexSpec, VectorStore
from imagesearch.vectors.milvus import MilvusVectorStore

NAME: Final = "recall"
ASKED: Final = 4
"""Every fourth crop is searched by, and is not in the index."""
NOISE_SEED: Final = 5
NOISE: Final = 200
CHUNK: Final = 5_000


def measure(ground: Ground) -> None:
    """Measure recall@10 of a collection as the product makes it.

    The index holds the vectors of real crops and, to be as large as one that is worth an index, mixtures of them,
    every tenth of which is noise. Before it is in use Milvus compares with every vector, and finds them all.
    """
    parts, size = ground.parts, ground.sizes.indexed
    is_asked = np.arange(len(parts)) % ASKED == 0
    asked, kept = parts[is_asked], parts[~is_asked]
    indexed = np.concatenate([kept, *chunks(Mixtures.of(kept), size - len(kept), CHUNK)])
    store = MilvusVectorStore(MilvusSettings(milvus_uri=ground.milvus.uri, milvus_timeout=60))
    with closing(store):
        store.ensure_collection(NAME, IndexSpec(), VGG16.dimension)
        fill(store, NAME, indexed)
        wait_for_index(ground.milvus.uri, NAME, size)
        for name, questions in (("recall_at_10", asked), ("recall_at_10_noise", noise(NOISE, NOISE_SEED))):
            ground.board.value(name, _recall(store, indexed, questions), queries=len(questions), vectors=size)
        store.drop_collection(NAME)


def _recall(store: VectorStore, indexed: Vectors, questions: Vectors) -> float:
    truth = Nearest(questions)
    truth.look(indexed, 1)
    found = [store.search(NAME, question[None], limit=K)[0] for question in questions]
    right = sum(
        len({hit.key for hit in hits}.intersection(map(int, nearest)))
        for hits, nearest in zip(found, truth.keys, strict=True)
    )
    return right / truth.keys.size
