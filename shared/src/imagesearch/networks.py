"""Name the networks, and the queues that lead to their workers.

A network has a name (its architecture, and its engine where that changes the vectors) and, with weights and
pooling, an identity, which only its workers can tell. A collection has the name from its creation on, and the
identity from its first vectors on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from imagesearch.contract import Queue
from imagesearch.errors import InvalidMessage

MAX_DIMENSION = 32_768
"""The longest vector that Milvus takes: https://milvus.io/docs/limitations.md."""

MAX_NETWORK_NAME = 32
"""Characters."""

_IDENTITY = re.compile(
    rf"([a-z][a-z0-9_]{{0,{MAX_NETWORK_NAME - 1}}})-([a-z]{{1,8}})-([1-9][0-9]{{0,4}}):([0-9A-Za-z:._]{{1,80}})"
)


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """Say what is known of a network whatever its weights.

    Attributes:
        name: lower case; part of the names of queues.
        dimension: numbers of a vector.
        side: height and width in pixels of the input, unless a collection's preprocessing says otherwise.
        pooling: how the last feature map becomes a vector, unless a collection's preprocessing says otherwise;
            `UNPOOLED` for a network that gives vectors by itself, and knows no other way.
        has_one_side: it takes no other than its own, as networks from files do.
    """

    name: str
    dimension: int
    side: int = 224
    pooling: str = "max"
    has_one_side: bool = False


UNPOOLED = "none"

VGG16 = NetworkSpec("vgg16", 512)
"""The default: the channels of its last convolution are the numbers of a vector."""
VGG16_INT8 = NetworkSpec("vgg16_int8", 512)
"""VGG16 in whole numbers of eight bits: its vectors are not quite those of VGG16."""
RESNET50 = NetworkSpec("resnet50", 2_048, pooling="avg")

BUILT_IN = {spec.name: spec for spec in (VGG16, VGG16_INT8, RESNET50)}
"""The networks that extractors can build by themselves."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Take the identity of a network apart; vectors of two identities must never meet.

    Attributes:
        network: name of the network.
        pooling: its own, see `NetworkSpec`.
        dimension: numbers of a vector.
        weights: digest of the weights.
    """

    network: str
    pooling: str
    dimension: int
    weights: str

    @classmethod
    def parse(cls, identity: str) -> Self:
        """Read an identity that `str` wrote.

        Raises:
            InvalidMessage: it is none.
        """
        found = _IDENTITY.fullmatch(identity)
        if found is None or int(found[3]) > MAX_DIMENSION:
            raise InvalidMessage(f"identity of a network: {identity[:120]!r} is none")
        return cls(found[1], found[2], int(found[3]), found[4])

    def __str__(self) -> str:
        """Return the identity as collections, messages and workers give it."""
        return f"{self.network}-{self.pooling}-{self.dimension}:{self.weights}"


def queue_for(stage: Queue, network: str, model: str | None) -> str:
    """Return the name of the queue that the workers of a network read.

    Args:
        stage: `Queue.EXTRACT` or `Queue.QUERY`.
        network: name of the network.
        model: identity of the network; None reaches workers with any weights, where no vectors are there yet.

    Raises:
        InvalidMessage: `model` is no identity.
    """
    named = f"{stage.value}.{network}"
    return named if model is None else f"{named}.{ModelIdentity.parse(model).weights}"


def queues_of(stage: Queue, model: str) -> tuple[str, str]:
    """Return the queues that a worker reads: that of its network and weights, then that of any weights.

    Raises:
        InvalidMessage: `model` is no identity.
    """
    network = ModelIdentity.parse(model).network
    return queue_for(stage, network, model), queue_for(stage, network, None)


def is_queue_of(stage: Queue, queue: str) -> bool:
    """Tell whether a queue belongs to a stage: it is the stage's, or one of the networks' for it."""
    return queue == stage.value or queue.startswith(f"{stage.value}.")
