"""Two tenants of one system: what each has, and an API that asks for their keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from flask import Flask

from imagesearch.access.tenants import Owner, Tenancy
from imagesearch.catalog import exports, jobs, names
from imagesearch.catalog.jobs import NewJob
from imagesearch.catalog.states import JobOrigin
from imagesearch.catalog.tables import images
from imagesearch.contract import JobKind
from imagesearch.errors import StoreUnavailable
from imagesearch.files.uploads import Uploads
from imagesearch_api.app import create_app
from support.api_keys import Keys
from support.api_twin import services_of
from support.drawing import encoded, photo_like
from support.world import World

WHERE = 700_001
"""Ids of images begin here, so that no other number in an answer is one."""


@dataclass(frozen=True)
class Tenant:
    """What a key is bound to, and one thing of each kind within it."""

    name: str
    tenancy: Tenancy
    collection: str
    partition: str
    folder: Path
    image_id: int
    path: str
    job_id: str
    duplicates_id: str
    export_id: str
    alias: str


def settle_in(world: World, name: str, collection: str, partition: str, bounds: Tenancy, *, count: int) -> Tenant:
    """Index pictures of somebody, one of them broken, look for duplicates among them, and export them."""
    folder = world.root / name
    folder.mkdir()
    for index in range(count):
        # Two of one content, for duplicates.
        (folder / f"{name}-{index}.png").write_bytes(encoded(photo_like(max(index, 1)), "PNG"))
    (folder / f"{name}-broken.png").write_bytes(b"not a picture")
    owner = Owner(f"{len(name):016x}", bounds)
    job = world.run(folder, collection, partition=partition, metadata={"of": f"{name}'s secret"}, owner=owner)
    home = world.collection(collection)
    wanted = NewJob(
        id=str(uuid4()),
        origin=JobOrigin.V2,
        directory=None,
        kind=JobKind.DUPLICATES,
        options={"max_distance": 0.1, "partition": bounds.partition, "generation": home.generation},
        owner=owner,
    )
    exported = replace(
        wanted,
        id=str(uuid4()),
        kind=JobKind.EXPORT,
        options={"partition": bounds.partition, "generation": home.generation},
    )
    with world.catalog.transaction() as tx:
        jobs.create(tx, home.id, wanted)
        jobs.create(tx, home.id, exported)
        exports.create(tx, exported.id)
        names.put_alias(tx, f"{collection}-{count}", home.id)
        mine = sa.select(images.c.id, images.c.path).where(images.c.path.startswith(f"{folder}/"))
        indexed = tx.execute(mine.where(images.c.state == "indexed").order_by(images.c.id)).all()
        # Another than the one that requests name by its id: whether its key is taken must not be told.
        give = sa.update(images).where(images.c.id == indexed[-1].id)
        tx.execute(give.values(own_key=f"{name}-key"))
    world.plan(wanted.id)
    world.plan(exported.id)
    world.work()
    return Tenant(
        name=name,
        tenancy=bounds,
        collection=collection,
        partition=partition,
        folder=folder,
        image_id=indexed[0].id,
        path=indexed[0].path,
        job_id=job.id,
        duplicates_id=wanted.id,
        export_id=exported.id,
        alias=f"{collection}-{count}",
    )


def nobody(near: Tenant, *, in_collection: str, alias: str) -> Tenant:
    """Return what leads nowhere in each place of a tenant's."""
    return Tenant(
        name="nobody",
        tenancy=near.tenancy,
        collection=in_collection,
        partition="nobody",
        folder=near.folder.parent / "nobody",
        image_id=999_999,
        path=str(near.folder.parent / "nobody/nobody-0.png"),
        job_id=str(uuid4()),
        duplicates_id=str(uuid4()),
        export_id=str(uuid4()),
        alias=alias,
    )


def number_from(world: World, first: int) -> None:
    """Have the ids of images begin with a number."""
    with world.catalog.transaction() as tx:
        tx.execute(sa.text(f"ALTER TABLE images ALTER COLUMN id RESTART WITH {first}"))


class Latest:
    """Remember the newest job of each key, without Redis."""

    def __init__(self) -> None:
        self._kept: dict[str | None, str] = {}

    def keep(self, job_id: str, api_key_id: str | None) -> None:
        self._kept[api_key_id] = job_id

    def get(self, api_key_id: str | None) -> str | None:
        return self._kept.get(api_key_id)


def api_of(world: World, keys: Keys, uploads: Path) -> Flask:
    """Return the API on the stores of a world, in front of an indexer and an extractor that do not answer."""

    def away(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("redis", "nobody answers in this test")

    services = services_of(
        catalog=world.catalog,
        vectors=world.vectors,
        roots=world.roots,
        uploads=Uploads(uploads),
        callback_hosts=("hooks.example",),
        exports=world.exports,
        progress=world.progress,
        latest=Latest(),
        workers=SimpleNamespace(alive=lambda: []),
        send=lambda *_: None,
        ask=away,
        queries=SimpleNamespace(ask=away),
        query_cache=SimpleNamespace(read=lambda *_: {}, remember=lambda _: None),
    )
    return create_app(keys.asked_for_by(services))
