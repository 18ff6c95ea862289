"""A search, and what must hold of its answer at every moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from model.catalogue import exception_of
from model.rules import Setup
from model.state import (
    INDEXED,
    NO_KEY,
    Actor,
    Content,
    Row,
    Step,
    Vector,
    World,
    finish,
    network_of,
    row_of,
    with_actor,
)

QUESTIONS = (None, 0, 1)
"""The labels that a search names; None: it asks for all."""


Named = frozenset[tuple[int, int]]
"""Keys that rows name, each with its row's id."""


class Hit(NamedTuple):
    """Hold an image that a search returns, by what it was found, and its vector."""

    image: int
    rank: int
    vector: Vector


def is_on_its_way(actor: Actor) -> bool:
    """Tell whether an actor is a search between its question and its answer."""
    return actor.step in {"look", "resolve", "resolve_rest"}


def ask(world: World, index: int, _: Setup) -> Iterator[Step]:
    """Read which store is live."""
    steady = tuple(image for image, row in enumerate(world.rows) if row is not None and row.steady)
    actor = world.actors[index]._replace(step="look", store=world.live, images=steady)
    yield Step(f"asks store {world.live}", with_actor(world, index, actor))


def look(world: World, index: int, _: Setup) -> Iterator[Step]:
    """Search in Milvus, which shows what it did at some moment within the horizon."""
    actor = world.actors[index]
    store = world.stores[actor.store]
    for view in store.views if store is not None else (frozenset[tuple[int, Vector]](),):
        seen = actor._replace(step="resolve", found=view)
        yield Step(f"finds keys {sorted(key for key, _ in view)}", with_actor(world, index, seen))


def resolve(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Resolve what was found by the rows, exceptions and tombstones of now."""
    actor = world.actors[index]
    if setup.rules.one_snapshot:
        yield _answer(world, index, setup, _named(world))
    else:
        asked = actor._replace(step="resolve_rest", named=_named(world))
        yield Step("reads the rows", with_actor(world, index, asked))


def resolve_rest(world: World, index: int, setup: Setup) -> Iterator[Step]:
    """Resolve what no row named when the rows were read: what the rule `one_snapshot` forbids."""
    yield _answer(world, index, setup, world.actors[index].named)


def _answer(world: World, index: int, setup: Setup, named: Named) -> Step:
    actor = world.actors[index]
    problem = judge(world, setup, actor.found, actor.store, named, wanted=frozenset(actor.images))
    return Step("answers", finish(world, index), problem)


def _named(world: World) -> Named:
    return frozenset((row.key, image) for image, row in enumerate(world.rows) if row is not None)


def accept(world: World, setup: Setup, key: int, labels: int | None, named: Named) -> tuple[int, int] | None:
    """Return the image that a key stands for now, and how surely; None: the key is passed over."""
    rules = setup.rules
    for known, image in named:
        if known == key:
            return (image, 0)
    if world.build.phase == "switched":
        for exception in world.build.exceptions:
            row = row_of(world, exception.image)
            holds = row is not None and (row.key == exception.from_key or not rules.exception_check)
            if exception.key == key and holds:
                return (exception.image, 1)
    if not rules.young_tombstone:
        return None
    for tombstone in world.tombstones:
        if tombstone.key != key or not tombstone.young or tombstone.image < 0:
            continue
        row = row_of(world, tombstone.image)
        is_indexed = row is not None and row.state == INDEXED
        fits = labels is None or row is None or row.labels == labels or not rules.labels_checked
        if fits and (is_indexed or not rules.still_indexed):
            return (tombstone.image, 2)
    return None


def search(world: World, setup: Setup, found: Content, labels: int | None, named: Named) -> list[Hit]:
    """Return the images that a search answers with, given what Milvus showed it.

    Which of an image's hits is the nearest is left open: all that may be taken are returned.
    """
    hits = []
    for key, vector in found:
        if labels in {None, vector.labels}:
            accepted = accept(world, setup, key, labels, named)
            if accepted is not None:
                hits.append(Hit(*accepted, vector))
    if setup.rules.one_hit_an_image:
        return [hit for hit in hits if hit.rank == min(other.rank for other in hits if other.image == hit.image)]
    return hits


def judge(
    world: World,
    setup: Setup,
    found: Content,
    store: int,
    named: Named,
    *,
    wanted: frozenset[int] | None = None,
) -> str:
    """Say what is wrong with the answers to all questions, if anything is.

    Args:
        world: the moment at which the hits are resolved.
        setup: the rules.
        found: what Milvus showed.
        store: the collection that was searched.
        named: the keys that rows named, with their images.
        wanted: images that must be found if they are steady still; None: all that are steady.
    """
    for labels in QUESTIONS:
        hits = search(world, setup, found, labels, named)
        images = [hit.image for hit in hits]
        if len(set(images)) < len(images) and not setup.rules.one_hit_an_image:
            return "a search returns an image twice"
        for hit in hits:
            problem = _why_wrong(world, setup, hit, store, labels)
            if problem:
                return problem
        for image, row in enumerate(world.rows):
            if (
                image not in images
                and (wanted is None or image in wanted)
                and _must_find(world, image, row, labels)
            ):
                return f"a search for labels {labels} misses image {image}, which is indexed"
    return ""


def _why_wrong(world: World, setup: Setup, hit: Hit, store: int, labels: int | None) -> str:
    row = row_of(world, hit.image)
    if row is None or row.state != INDEXED:
        return "a search returns an image that is not indexed"
    if labels is not None and row.labels != labels:
        return "a search returns an image of other labels"
    if hit.vector.network != network_of(store, extracts=setup.extracts):
        return "a search compares with another network's vector"
    if hit.rank == 0 and (hit.vector.digest, hit.vector.labels) != (row.digest, row.labels):
        return "a row names a vector that is not its own"
    exception = exception_of(world, hit.image)
    is_of_exception = exception is not None and exception.key != NO_KEY and hit.vector.digest == exception.read
    if not is_of_exception and not row.digests & 1 << hit.vector.digest:
        return "a search returns an image by a vector of bytes that its row did not stand for"
    return ""


def _must_find(world: World, image: int, row: Row | None, labels: int | None) -> bool:
    if row is None or not row.steady or row.state != INDEXED or row.key == world.lost:
        return False
    if labels is not None and (row.labels != labels or row.relabelled):
        return False
    exception = exception_of(world, image)
    return exception is None or exception.key != NO_KEY


Judged = dict[tuple[object, ...], str]
"""What was found wrong with the searches of moments that look the same to them."""


def judge_all(world: World, setup: Setup, judged: Judged) -> str:
    """Say what is wrong with any search that is made at this moment."""
    store = world.stores[world.live]
    if store is None:
        return "the live store is gone"
    build = world.build if world.build.phase == "switched" else None
    same = (store, world.rows, world.tombstones, world.live, build, world.lost)
    if same not in judged:
        named = _named(world)
        problems = (judge(world, setup, view, world.live, named) for view in store.views)
        judged[same] = next(filter(None, problems), "")
    return judged[same]
