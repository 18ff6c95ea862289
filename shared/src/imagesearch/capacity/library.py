"""Work out what a library of some size takes: memory, disk and workers.

What is not arithmetic was measured, as its constant says. A plan is for ordering machines, not for the last tenth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from imagesearch.vectors import IndexType

FLOAT_BYTES = 4
KEY_BYTES = 8
HNSW_LINKS = {"HNSW": 32, "AUTOINDEX": 18}
"""Links a vector, M: ours for HNSW, and Milvus' own for AUTOINDEX."""
DISKANN_MEMORY_SHARE = 0.125
"""Of the raw vectors, compressed in memory: `pq_code_budget_gb_ratio`."""
DISKANN_DEGREE = 56
SECTOR_BYTES = 4096
IMAGE_BYTES = 502
"""Of a row of `images` with its indexes: 100,000 rows with paths of 55 bytes, new in Postgres 18."""
LEDGER_BYTES = 253
"""Likewise of one row of `job_items`, of which each job that submits the picture writes one."""
DEAD_SHARE = 1.5
"""Room for what updates leave until it is vacuumed."""
QUERY_NODE_SHARE = 1.3
"""Memory of Milvus over its index: rows that are not sealed yet, and segments beside those that they replace."""
EXTRACT_BYTES = 300
"""A picture in a message to an extractor, its path included."""
INDEX_BYTES = 400
"""A picture in an extractor's answer, beside its vector."""
PER_WORKER = 16.0
"""Pictures a second of one extractor on two cores in float32; in bfloat16 33. `make bench` measures it."""


@dataclass(frozen=True, slots=True)
class Library:
    """Say what is planned for.

    Attributes:
        images: how many pictures.
        dim: numbers in a vector.
        deadline: until when all of them are to be indexed.
        rate: pictures a second of one extractor, as it was measured.
        in_flight: pictures of one job that are on their way at once.

    Raises:
        ValueError: a number is out of its range; the message names it.
    """

    images: int
    dim: int = 512
    index: IndexType = "HNSW"
    deadline: timedelta = timedelta(days=1)
    rate: float = PER_WORKER
    in_flight: int = 256

    def __post_init__(self) -> None:
        for name, value, most in (
            ("images", self.images, 10**12),
            ("dim", self.dim, 32_768),
            ("deadline", self.deadline.total_seconds(), 10**10),
            ("rate", self.rate, 10**6),
            ("in_flight", self.in_flight, 10**6),
        ):
            if not 0 < value <= most:
                raise ValueError(f"{name}: a number above 0 and up to {most:g} is expected")


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what a library takes; amounts are bytes.

    Attributes:
        vectors: the bare numbers.
        index: what the index holds in memory.
        index_disk: what it needs on the local disks of query nodes; 0 for an index that lies in memory.
        query_nodes: memory of all query nodes of Milvus together.
        postgres: disk of the catalogue, after one job over everything.
        redis: what one job has on its way; it does not grow with the library.
        extractors: how many keep the deadline.
        seconds_alone: how long one of them would take.
    """

    vectors: int
    index: int
    index_disk: int
    query_nodes: int
    postgres: int
    redis: int
    extractors: int
    seconds_alone: float


def plan(library: Library) -> Plan:
    """Return what a library takes."""
    index = library.images * index_bytes(library.index, library.dim)
    alone = library.images / library.rate
    message = EXTRACT_BYTES + INDEX_BYTES + library.dim * FLOAT_BYTES
    return Plan(
        vectors=raw_bytes(library.images, library.dim),
        index=index,
        index_disk=library.images * disk_bytes(library.dim) if library.index == "DISKANN" else 0,
        query_nodes=math.ceil(index * QUERY_NODE_SHARE),
        postgres=math.ceil(library.images * (IMAGE_BYTES + LEDGER_BYTES) * DEAD_SHARE),
        redis=library.in_flight * message,
        extractors=math.ceil(alone / library.deadline.total_seconds()),
        seconds_alone=alone,
    )


def raw_bytes(images: int, dim: int) -> int:
    """Return what the numbers of so many vectors take."""
    return images * dim * FLOAT_BYTES


def index_bytes(index: IndexType, dim: int) -> int:
    """Return the memory that an index takes for one vector.

    HNSW keeps the vector, 2 M links on its lowest level, and M on each level above, which one vector in M reaches
    (Malkov and Yashunin, https://arxiv.org/abs/1603.09320). IVF_SQ8 keeps a byte a number, DISKANN a compressed
    vector (https://milvus.io/docs/disk_index.md).
    """
    vector = dim * FLOAT_BYTES
    if index == "FLAT":
        return vector + KEY_BYTES
    if index == "IVF_SQ8":
        return dim + KEY_BYTES
    if index == "DISKANN":
        return math.ceil(vector * DISKANN_MEMORY_SHARE) + KEY_BYTES
    links = HNSW_LINKS[index]
    upper = math.ceil((links + 1) * FLOAT_BYTES / (links - 1))
    return vector + (2 * links + 1) * FLOAT_BYTES + upper + KEY_BYTES


def disk_bytes(dim: int) -> int:
    """Return what DISKANN reads of one vector from disk: whole sectors, or its share of one."""
    node = dim * FLOAT_BYTES + (DISKANN_DEGREE + 1) * FLOAT_BYTES
    if node > SECTOR_BYTES:
        return math.ceil(node / SECTOR_BYTES) * SECTOR_BYTES
    return SECTOR_BYTES // (SECTOR_BYTES // node)
