"""Say where each store of a planned library goes: beside the others on one machine, or to what.

Up to some ten million pictures one machine does (docs/operations.md, "Sizing"); beyond, each store has machines of
its own. Nothing of the product changes but the addresses that it is given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from imagesearch.capacity.library import QUERY_NODE_SHARE, Library, Plan

ONE_MACHINE_IMAGES = 10_000_000
NODE_SHARE = 0.8
"""Of a node's memory that is Milvus' to fill; the rest is for searches, and segments of a node that is lost."""
COORDINATORS = 3
"""Members of etcd: it goes on when one of them is lost."""
REDIS_BYTES = 10**9
"""What an instance is ordered with, at least: jobs take a fraction of it, and a full one stops all work."""
NODE_BYTES = 64 * 10**9


@dataclass(frozen=True, slots=True)
class Place:
    """Say where a store goes, and with how much; amounts are bytes.

    Attributes:
        store: ``Milvus``, ``Postgres`` or ``Redis``.
        where: to what.
        nodes: machines, or instances.
        memory: of each node; 0 where disk decides.
        disk: of each node; 0 where memory decides.
        objects: of object storage, for all nodes together.
    """

    store: str
    where: str
    nodes: int
    memory: int = 0
    disk: int = 0
    objects: int = 0


def places(library: Library, found: Plan, node_bytes: int = NODE_BYTES) -> list[Place]:
    """Return where the stores of a library go.

    Args:
        library: what is planned for.
        found: what it takes.
        node_bytes: memory of one query node of Milvus.

    Raises:
        ValueError: no node has so much, or so little, memory.
    """
    if not 10**9 <= node_bytes <= 10**14:
        raise ValueError("node-memory: 1 to 100,000 GB are expected")
    stored = math.ceil((found.vectors + max(found.index, found.index_disk)) * QUERY_NODE_SHARE)
    if library.images <= ONE_MACHINE_IMAGES:
        return [
            Place("Milvus", "standalone, beside the others", 1, memory=found.query_nodes, disk=stored),
            Place("Postgres", "beside the others", 1, disk=found.postgres),
            Place("Redis", "beside the others", 1, memory=REDIS_BYTES),
        ]
    nodes = math.ceil(found.query_nodes / (node_bytes * NODE_SHARE))
    return [
        Place(
            "Milvus",
            f"a cluster, with etcd on {COORDINATORS} nodes",
            # One can be lost, or replaced.
            max(2, nodes),
            memory=node_bytes,
            disk=math.ceil(found.index_disk / max(2, nodes)),
            objects=stored,
        ),
        Place("Postgres", "managed, with a standby", 2, disk=found.postgres),
        Place("Redis", "an instance of its own: appendonly, noeviction", 1, memory=REDIS_BYTES),
    ]
