"""Search Milvus and read and write Postgres, each by its driver alone."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from pymilvus import MilvusClient

from imagesearch.contract import Vectors
from imagesearch.vectors.paging import DEPTHS

FOUND: Final = 10
"""Results of a search."""
EFFORT: Final = {"params": DEPTHS[0].effort}
"""How hard an index looks, as the product has it look: with less it would find something else."""
_SELECT: Final = "SELECT * FROM images WHERE collection_id = %s AND vector_key = ANY(%s)"
_IMAGES: Final = "COPY images (collection_id, path, partition, metadata) FROM STDIN"
_INDEXED: Final = (
    "COPY images (collection_id, path, state, sha256, size_bytes, mtime_ns, width, height, format, vector_key, "
    "version) FROM STDIN"
)
_IDS: Final = "SELECT path, id FROM images WHERE collection_id = %s AND path = ANY(%s)"
_BATCHES: Final = "INSERT INTO job_batches (job_id) SELECT %s FROM generate_series(1, %s) RETURNING id"
_ITEMS: Final = "COPY job_items (job_id, batch_id, image_id, path, outcome) FROM STDIN"
NOTHING: Final = "\\N"
"""What COPY takes for NULL."""


def searched(client: MilvusClient, name: str, vector: Any) -> list[tuple[int, float]]:
    """Return the keys nearest to a vector, each with its cosine."""
    found = client.search(
        name,
        data=[vector],
        anns_field="vector",
        limit=FOUND,
        output_fields=["id"],
        search_params=EFFORT,
        consistency_level="Bounded",
    )
    return [(hit["id"], hit["distance"]) for hit in found[0]]


class Postgres:
    """Speak to a catalogue's tables through one connection."""

    def __init__(self, url: str) -> None:
        # libpq knows nothing of the name of its driver.
        self._connection = psycopg2.connect(url.replace("postgresql+psycopg2:", "postgresql:", 1))
        self._connection.autocommit = True

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def by_keys(self, collection_id: int, keys: Sequence[int]) -> list[tuple[Any, ...]]:
        """Return the rows that name vectors."""
        with self._connection.cursor() as cursor:
            cursor.execute(_SELECT, (collection_id, list(keys)))
            return list(cursor.fetchall())

    def copy_planned(self, collection_id: int, job_id: str, paths: Sequence[str], batch: int) -> None:
        """Write rows as planning new files does: images, batches, and the ledger; one transaction.

        The ledger names images and batches, so their ids are read in between.
        """
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute("BEGIN")
            _copy(cursor, _IMAGES, ((collection_id, path, "", "{}") for path in paths))
            cursor.execute(_IDS, (collection_id, list(paths)))
            ids = dict(cursor.fetchall())
            cursor.execute(_BATCHES, (job_id, -(-len(paths) // batch)))
            batches = [row[0] for row in cursor.fetchall()]
            rows = ((job_id, batches[at // batch], ids[path], path, NOTHING) for at, path in enumerate(paths))
            _copy(cursor, _ITEMS, rows)

    def copy_unchanged(self, job_id: str, paths: Sequence[str], image_ids: Sequence[int]) -> None:
        """Write rows as planning unchanged files does: the ledger alone; one transaction."""
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute("BEGIN")
            rows = zip(paths, image_ids, strict=True)
            _copy(cursor, _ITEMS, ((job_id, NOTHING, image_id, path, "unchanged") for path, image_id in rows))

    def ids(self, collection_id: int, paths: Sequence[str]) -> list[int]:
        """Return the ids of images, in the order of their paths."""
        with self._connection.cursor() as cursor:
            cursor.execute(_IDS, (collection_id, list(paths)))
            found = dict(cursor.fetchall())
        return [found[path] for path in paths]

    def copy_indexed(self, collection_id: int, paths: Sequence[str], keys: Sequence[int], digest: str) -> None:
        """Write the rows of images with their vectors' keys; one transaction."""
        facts = (digest, 1_000, 1, 8, 8, "PNG")
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute("BEGIN")
            rows = zip(paths, keys, strict=True)
            _copy(cursor, _INDEXED, ((collection_id, path, "indexed", *facts, key, key) for path, key in rows))


def upserted(client: MilvusClient, name: str, keys: Sequence[int], vectors: Vectors) -> None:
    """Write rows with vectors."""
    rows = [
        {"id": key, "vector": vector, "partition": "", "metadata": {}}
        for key, vector in zip(keys, vectors, strict=True)
    ]
    client.upsert(name, rows)


def _copy(cursor: Any, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    text = "".join("\t".join(map(_cell, row)) + "\n" for row in rows)
    cursor.copy_expert(statement, io.StringIO(text))


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
