"""Write images with their vectors as Parquet.

Loaded by who exports alone: pyarrow takes 40 MB and a quarter of a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from imagesearch.catalog.images import Image
from imagesearch.contract import Vectors

ABOUT: Final = b"imagesearch"
"""The entry of a file's metadata that says what its vectors were made by, as JSON."""
_COLUMNS: Final = (
    ("id", pa.int64(), False),
    ("key", pa.string(), True),
    ("path", pa.string(), False),
    ("partition", pa.string(), False),
    ("metadata", pa.string(), False),
    ("sha256", pa.string(), True),
    ("size", pa.int64(), True),
    ("mtime_ns", pa.int64(), True),
    ("width", pa.int32(), True),
    ("height", pa.int32(), True),
    ("format", pa.string(), True),
)


def schema_of(dimension: int) -> pa.Schema:
    """Return the columns of a file: what is known of each image, then float32[dimension]."""
    fields = [pa.field(name, kind, nullable=nullable) for name, kind, nullable in _COLUMNS]
    vector = pa.list_(pa.field("element", pa.float32(), nullable=False), dimension)
    return pa.schema([*fields, pa.field("vector", vector, nullable=False)])


class PartFile:
    """Build one file in memory, a row group for each slice."""

    def __init__(self, dimension: int, about: Mapping[str, Any]) -> None:
        self.rows = 0
        self._dimension = dimension
        self._schema = schema_of(dimension).with_metadata({ABOUT: json.dumps(dict(about))})
        self._sink = pa.BufferOutputStream()
        # Vectors are as good as random: they get no smaller, and are read faster as they are.
        compression = {name: "ZSTD" for name, *_ in _COLUMNS}
        self._writer = pq.ParquetWriter(
            self._sink,
            self._schema,
            compression=compression | {"vector.list.element": "NONE"},
            use_dictionary=["partition", "format"],
            write_statistics=["id", "partition"],
        )

    def add(self, found: Sequence[tuple[Image, Vectors]]) -> None:
        """Add images with their vectors."""
        rows = [row for row, _ in found]
        columns = {
            "id": [row.id for row in rows],
            "key": [row.own_key for row in rows],
            "path": [row.path for row in rows],
            "partition": [row.partition for row in rows],
            "metadata": [json.dumps(row.metadata, ensure_ascii=False, sort_keys=True) for row in rows],
            "sha256": [row.sha256 for row in rows],
            "size": [row.size_bytes for row in rows],
            "mtime_ns": [row.mtime_ns for row in rows],
            "width": [row.width for row in rows],
            "height": [row.height for row in rows],
            "format": [row.format for row in rows],
        }
        arrays = [pa.array(columns[name], kind) for name, kind, _ in _COLUMNS]
        numbers = np.stack([vector for _, vector in found]).astype(np.float32, copy=False)
        flat = pa.array(numbers.reshape(-1), pa.float32())
        arrays.append(pa.FixedSizeListArray.from_arrays(flat, type=self._schema.field("vector").type))
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._writer.write_batch(batch, row_group_size=len(rows))
        self.rows += len(rows)

    def finish(self) -> bytes:
        """Return the whole file."""
        self._writer.close()
        data: bytes = self._sink.getvalue().to_pybytes()
        return data
