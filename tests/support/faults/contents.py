"""Look whether vectors are what their rows say: made of the file's bytes, and beside the row's labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from pymilvus import MilvusClient

from imagesearch.contract import Vectors
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from imagesearch.vectors.expression import by_kind
from imagesearch_extractor.embedding import SeededEmbedder
from support.faults.living import Living

CHUNK = 500
ROUNDING = 1e-5
"""Two pictures may be as near to each other as 0.999; two computations of one are nearer than this."""


@dataclass(frozen=True, slots=True)
class StoredVector:
    """Hold all that Milvus has under one key."""

    vector: Vectors
    partition: str
    metadata: dict[str, Any]


def stored(stack: Living, name: str, keys: Sequence[int]) -> dict[int, StoredVector]:
    """Return what a Milvus collection holds by now under these keys."""
    found = {}
    with closing(MilvusClient(uri=stack.settings["MILVUS_URI"])) as client:
        for at in range(0, len(keys), CHUNK):
            rows = client.query(
                name,
                filter=f"id in {list(keys[at : at + CHUNK])}",
                output_fields=["id", "vector", "partition", "metadata"],
                consistency_level="Strong",
            )
            for row in rows:
                vector = np.asarray(row["vector"], dtype=np.float32)
                found[int(row["id"])] = StoredVector(vector, row["partition"], row["metadata"])
    return found


def wrong_contents(
    rows: Sequence[sa.Row[Any]], there: dict[int, StoredVector], preprocessing: Preprocessing, *, real: bool
) -> Iterator[str]:
    """Yield what is wrong with the vectors of indexed rows that have one.

    Args:
        rows: of the images, with path, digest, key and labels.
        there: what the store holds, by key.
        preprocessing: the collection's.
        real: a network made the vectors; what it gives for a picture, only searches compare.
    """
    for row in rows:
        found = there.get(row.vector_key)
        if found is None:
            continue
        data = _read(row.path)
        if data is None or hashlib.sha256(data).hexdigest() != row.sha256:
            yield f"{row.path}: its file holds something else"
        elif not real and np.abs(found.vector - _expected(row.path, row.sha256, preprocessing)).max() > ROUNDING:
            yield f"{row.path}: key {row.vector_key} is not the vector of its file"
        if (found.partition, found.metadata) != (row.partition, by_kind(row.metadata)):
            labels = (found.partition, found.metadata)
            yield f"{row.path}: {labels} in Milvus, {(row.partition, row.metadata)} in its row"


def _read(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None


@lru_cache(maxsize=4_096)
def _expected(path: str, sha256: str, preprocessing: Preprocessing) -> Vectors:
    """Return the vector that the stand-in makes of a file, which holds bytes of this digest."""
    picture = decode(Path(path).read_bytes(), preprocessing, PictureSettings())
    assert picture.sha256 == sha256
    made: Vectors = SeededEmbedder().embed(picture.pixels[None], preprocessing.pooling)[0]
    return made
