"""Measure searches, one after the other: of new pictures, of pictures asked before, and by what is indexed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import count
from typing import Final

import redis
from pymilvus import MilvusClient

from bench.bare.stores import searched as search_bare
from bench.ground import PIPELINE, Ground, pixels_of
from bench.ratio import in_turns, median_seconds
from bench.speed.searched import ASKED_BEFORE, searched
from imagesearch.messaging.broker import create_redis

ROUND: Final = 10
"""Searches of one way before the other has its turn; their median counts."""
UNIT: Final = "ms a search and the least that it takes"


def measure_new(ground: Ground) -> None:
    """Measure searches with pictures that nobody has asked about, over what none of them can do without."""
    target, network, pictures = searched(ground), ground.network(), ground.pictures
    with (
        closing(MilvusClient(ground.milvus.uri, dedicated=True)) as milvus,
        closing(create_redis(ground.product.redis)) as client,
    ):
        parts: dict[str, list[float]] = {"forward": [], "milvus": [], "redis": []}

        def least() -> float:
            pixels = [pixels_of([pictures.unseen()]) for _ in range(ROUND)]
            vectors = [network.embed(one, PIPELINE.pooling) for one in pixels[:1]] * ROUND
            parts["forward"].append(
                median_seconds(partial(network.embed, one, PIPELINE.pooling) for one in pixels)
            )
            parts["milvus"].append(
                median_seconds(partial(search_bare, milvus, target.collection, vector[0]) for vector in vectors)
            )
            parts["redis"].append(median_seconds(partial(_round_trip, client, one.tobytes()) for one in pixels))
            return sum(each[-1] for each in parts.values())

        def whole() -> float:
            asked = [pictures.unseen() for _ in range(ROUND)]
            # What has stood still for a while is slow once.
            target.product.upload(pictures.unseen())
            return median_seconds(partial(target.product.upload, picture) for picture in asked)

        ratio = in_turns(ground.sizes.searches, whole, least)
    middle = {f"{name}_ms": round(sorted(each)[len(each) // 2] * 1e3, 2) for name, each in parts.items()}
    ground.board.ratio("search_new", ratio, UNIT, 1e3, **middle)


def measure_found(ground: Ground) -> None:
    """Measure searches that need no forward pass, over a request that does nothing but search and select."""
    target = searched(ground)
    images, again = count(), count()

    def by_id() -> Iterator[Callable[[], object]]:
        return (partial(target.product.by_id, target.ids[_spread(at, len(target.ids))]) for at in _take(images))

    def bare(at: int) -> Callable[[], object]:
        return partial(target.bare.bare, at)

    def cached() -> Iterator[Callable[[], object]]:
        return (partial(target.product.upload, target.pictures[at % ASKED_BEFORE]) for at in _take(again))

    rounds = ground.sizes.searches
    for name, work, vectors in (
        ("search_by_id", by_id, [_spread(at, len(target.ids)) for at in range(ROUND)]),
        ("search_cached", cached, [len(target.ids) + at for at in range(ROUND)]),
    ):
        under = partial(_median_of, partial(map, bare, vectors))
        ground.board.ratio(name, in_turns(rounds, partial(_median_of, work), under), UNIT, 1e3)


def _median_of(calls: Callable[[], Iterator[Callable[[], object]]]) -> float:
    return median_seconds(list(calls()))


def _take(numbers: Iterator[int]) -> list[int]:
    return [next(numbers) for _ in range(ROUND)]


def _spread(at: int, size: int) -> int:
    """Return a place far from that of the number before."""
    return at * 7_919 % size


def _round_trip(client: redis.Redis, data: bytes) -> None:
    """Take bytes to Redis and back, on one trip."""
    with client.pipeline(transaction=False) as pipe:
        pipe.rpush("bench:echo", data)
        pipe.lpop("bench:echo")
        pipe.execute()
