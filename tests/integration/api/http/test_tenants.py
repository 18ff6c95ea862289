"""A key that is bound reaches nothing of another tenant's, on any route, and no answer tells that there is any."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import Tenancy
from imagesearch.catalog import collections, tables
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.quotas import limits
from imagesearch.catalog.quotas.limits import Limits
from imagesearch.files.exports import Exports
from imagesearch.messaging.claims import InFlight
from imagesearch.vectors import InMemoryVectorStore
from imagesearch_api.openapi.document import document
from imagesearch_indexer.settings import IndexerSettings
from support.api_keys import Keys, bearer
from support.drawing import encoded, photo_like
from support.objects import MemoryObjects
from support.two_tenants import WHERE, Tenant, api_of, nobody, number_from, settle_in
from support.world import World

pytestmark = pytest.mark.integration

VECTOR = [1.0] * 512
CALLBACK = "https://hooks.example/told"
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass
class House:
    """Two tenants in one system, and what the first one's key is answered.

    Attributes:
        mine: what the key is bound to.
        theirs: the same of the other tenant.
        none: the same, but not there.
    """

    world: World
    app: Flask
    header: dict[str, str]
    mine: Tenant
    theirs: Tenant
    none: Tenant

    def ask(self, method: str, url: str, **parts: Any) -> TestResponse:
        headers = self.header | parts.pop("headers", {})
        return self.app.test_client().open(url, method=method, headers=headers, buffered=True, **parts)


def bounds_by(what: str, folder: Path) -> Tenancy:
    name = folder.name
    if what == "collections":
        return Tenancy((f"{name}s-pictures",), None, (str(folder),))
    return Tenancy(("shared",), name, (str(folder),))


@pytest.fixture(params=["collections", "partitions"])
def house(
    request: pytest.FixtureRequest, catalog: Catalog, client: redis.Redis, pictures: Path, tmp_path: Path
) -> House:
    by = request.param
    settings = IndexerSettings(batch_size=4, window=3, plan_slice=10, lease_seconds=60)
    exports = Exports(MemoryObjects())
    world = World(catalog, InMemoryVectorStore(), InFlight(client), pictures, settings, exports=exports)
    number_from(world, WHERE)
    tenants = []
    # With a dot, as no signature has one: their names are looked for in whole answers.
    for name, count in (("anna.a", 3), ("ben.b", 5)):
        collection = f"{name}s-pictures" if by == "collections" else "shared"
        partition = f"part-of-{name}" if by == "collections" else name
        bounds = bounds_by(by, pictures / name)
        tenants.append(settle_in(world, name, collection, partition, bounds, count=count))
        with catalog.transaction() as tx:
            limited = collections.get(tx, collection).id
            for of_partition in (partition, None):
                limits.put(tx, limited, of_partition, Limits(images=1_000), by=None)
    keys = Keys()
    header = bearer(keys.make(Scope.WRITE, tenants[0].tenancy))
    # Aliases of a collection that both are in are everybody's.
    named = ("nobodys", "no-alias") if by == "collections" else ("shared", tenants[0].alias)
    absent = nobody(tenants[1], in_collection=named[0], alias=named[1])
    return House(world, api_of(world, keys, tmp_path / "uploads"), header, *tenants, absent)


Ask = Callable[[Tenant, Tenant], dict[str, Any]]
"""Returns a request that names what is another's, beside what is one's own."""


def in_json(**body: Any) -> dict[str, Any]:
    return {"json": body}


def picture() -> tuple[io.BytesIO, str]:
    return io.BytesIO(encoded(photo_like(1), "PNG")), "a.png"


REQUESTS: dict[str, list[Ask]] = {
    "GET /api/v2/aliases": [lambda m, o: {}],
    "GET /api/v2/aliases/{alias}": [lambda m, o: {}, lambda m, o: {"headers": {"If-None-Match": "*"}}],
    "PUT /api/v2/aliases/{alias}": [
        lambda m, o: in_json(collection=o.collection),
        lambda m, o: in_json(collection=m.collection),
    ],
    "DELETE /api/v2/aliases/{alias}": [lambda m, o: {}, lambda m, o: {"query_string": {"dry_run": "true"}}],
    "GET /api/v2/collections": [lambda m, o: {}],
    "POST /api/v2/collections": [lambda m, o: in_json(name=o.collection), lambda m, o: in_json(name=o.alias)],
    "GET /api/v2/collections/{name}": [lambda m, o: {}],
    "PATCH /api/v2/collections/{name}": [lambda m, o: in_json(name="renamed"), lambda m, o: in_json(name=o.alias)],
    "DELETE /api/v2/collections/{name}": [
        lambda m, o: {},
        lambda m, o: {"query_string": {"dry_run": "true"}},
        lambda m, o: {"headers": {"If-Match": '"another"'}},
    ],
    "GET /api/v2/collections/{name}/duplicates": [
        lambda m, o: {},
        lambda m, o: {"query_string": {"partition": o.partition}},
    ],
    "POST /api/v2/collections/{name}/duplicates": [
        lambda m, o: in_json(),
        lambda m, o: in_json(partition=o.partition),
        lambda m, o: in_json(callback_url=CALLBACK),
    ],
    "POST /api/v2/collections/{name}/exports": [
        lambda m, o: in_json(),
        lambda m, o: in_json(partition=o.partition),
    ],
    "POST /api/v2/collections/{name}/images": [
        lambda m, o: {"data": {"image": picture(), "partition": o.partition}},
        lambda m, o: {"data": {"image": picture()}},
        lambda m, o: {"data": {"image": picture(), "key": f"{o.name}-0"}},
    ],
    "GET /api/v2/collections/{name}/images": [
        lambda m, o: {"query_string": {"partition": o.partition}},
        lambda m, o: {"query_string": {"cursor": o.image_id - 1}},
        lambda m, o: {"query_string": {"path_prefix": f"{o.folder}/", "include": "vector"}},
        lambda m, o: {"query_string": {"path_prefix": f"{m.folder.parent}/", "limit": 1}},
        lambda m, o: {"query_string": {"path_prefix": f"{m.folder.parent}/", "cursor": o.path}},
        lambda m, o: {"query_string": {"state": "failed,pending,indexed", "limit": 1}},
        lambda m, o: {"query_string": {"created_after": "2001-01-01T00:00:00Z", "limit": 1}},
        lambda m, o: {"query_string": {"key": f"{o.name}-key"}},
        lambda m, o: {"query_string": {"key": f"{o.name}-key", "partition": o.partition}},
        lambda m, o: {"query_string": {"filter": json.dumps({"eq": ["of", f"{o.name}'s secret"]})}},
    ],
    "DELETE /api/v2/collections/{name}/images": [
        lambda m, o: {"query_string": {"path": o.path}},
        lambda m, o: {"query_string": {"path": o.path, "dry_run": "true"}},
        lambda m, o: {"query_string": {"key": f"{o.name}-key"}},
        lambda m, o: {"query_string": {"key": f"{o.name}-key", "partition": o.partition}},
    ],
    "PATCH /api/v2/collections/{name}/images": [
        lambda m, o: {"query_string": {"key": f"{o.name}-key"}, **in_json(metadata={"a": 1})},
        lambda m, o: {"query_string": {"key": f"{o.name}-key", "partition": o.partition}, **in_json(key="mine")},
    ],
    "PATCH /api/v2/collections/{name}/images/{image_id}": [
        lambda m, o: in_json(metadata={"a": 1}),
        lambda m, o: in_json(partition=m.partition),
        lambda m, o: in_json(key="mine"),
        lambda m, o: in_json(key=f"{o.name}-key"),
    ],
    "GET /api/v2/collections/{name}/images/{image_id}": [
        lambda m, o: {},
        lambda m, o: {"headers": {"If-None-Match": "*"}},
        lambda m, o: {"query_string": {"include": "vector"}},
    ],
    "DELETE /api/v2/collections/{name}/images/{image_id}": [
        lambda m, o: {},
        lambda m, o: {"headers": {"If-Match": '"another"'}},
        lambda m, o: {"query_string": {"dry_run": "true"}},
    ],
    "POST /api/v2/collections/{name}/images/delete": [
        lambda m, o: in_json(ids=[o.image_id]),
        lambda m, o: in_json(paths=[o.path]),
        lambda m, o: in_json(keys=[f"{o.name}-key"]),
        lambda m, o: in_json(keys=[f"{o.name}-key"], partition=o.partition, dry_run=True),
        lambda m, o: in_json(partition=o.partition),
        lambda m, o: in_json(filter={"eq": ["of", f"{o.name}'s secret"]}),
    ],
    "POST /api/v2/collections/{name}/images/find": [
        lambda m, o: in_json(sha256=["ab" * 32]),
        lambda m, o: in_json(sha256=["ab" * 32], partition=o.partition),
    ],
    "POST /api/v2/collections/{name}/reindex": [
        lambda m, o: in_json(),
        lambda m, o: in_json(callback_url=CALLBACK),
    ],
    "POST /api/v2/collections/{name}/search": [
        lambda m, o: in_json(image_id=o.image_id),
        lambda m, o: in_json(path=o.path),
        lambda m, o: in_json(key=f"{o.name}-key"),
        lambda m, o: in_json(key=f"{o.name}-key", partition=o.partition),
        lambda m, o: in_json(vector=VECTOR, partition=o.partition),
        lambda m, o: in_json(vector=VECTOR, filter={"eq": ["of", f"{o.name}'s secret"]}),
        lambda m, o: in_json(vector=VECTOR, top_k=50),
        lambda m, o: in_json(vector=VECTOR, top_k=50, group_by="of", include=["metadata", "vector"]),
        lambda m, o: in_json(vector=VECTOR, top_k=50, group_by="partition", include=["metadata", "vector"]),
        lambda m, o: in_json(image_id=o.image_id, top_k=1, explain="regions"),
        lambda m, o: in_json(queries=[{"image_id": m.image_id}, {"image_id": o.image_id}]),
        lambda m, o: in_json(positive=[{"image_id": o.image_id}]),
        lambda m, o: in_json(positive=[{"vector": VECTOR}, {"path": o.path}]),
        lambda m, o: in_json(positive=[{"image_id": m.image_id}], negative=[{"key": f"{o.name}-key"}]),
        lambda m, o: {"data": {"positive": picture(), "examples": json.dumps({"negative": [{"path": o.path}]})}},
        lambda m, o: in_json(vector=VECTOR, top_k=50, explain="plan"),
        lambda m, o: in_json(vector=VECTOR, top_k=50, group_by="partition"),
        lambda m, o: in_json(vector=VECTOR, top_k=50, group_by="of", include=["vector"]),
        lambda m, o: in_json(vector=VECTOR, include=["vector"], partition=o.partition),
    ],
    "POST /api/v2/collections/{name}/embed": [lambda m, o: {"data": {"image": picture()}}],
    "POST /api/v2/compare": [
        lambda m, o: in_json(a={"image_id": m.image_id}, b={"image_id": o.image_id}),
        lambda m, o: in_json(a={"image_id": m.image_id}, b={"image_id": o.image_id}, explain="picture"),
        lambda m, o: in_json(a={"image_id": m.image_id}, b={"image_id": m.image_id}, collection=o.collection),
    ],
    "GET /api/v2/images/{image_id}/file": [lambda m, o: {}],
    "GET /api/v2/images/{image_id}/thumbnail": [lambda m, o: {}],
    "GET /api/v2/collections/{name}/partitions": [lambda m, o: {}],
    "GET /api/v2/collections/{name}/facets": [
        lambda m, o: {},
        lambda m, o: {"query_string": {"partition": o.partition}},
    ],
    "GET /api/v2/directories": [
        lambda m, o: {},
        lambda m, o: {"query_string": {"path": str(o.folder)}},
        lambda m, o: {"query_string": {"path": str(m.folder.parent)}},
    ],
    "GET /api/v2/info": [lambda m, o: {}],
    "POST /api/v2/jobs": [
        lambda m, o: in_json(
            source=str(m.folder), collection=o.collection, callback_url=f"https://{o.name}.example/told"
        ),
        lambda m, o: in_json(source=str(o.folder), collection=m.collection),
        lambda m, o: in_json(source=str(m.folder), collection=o.collection, partition=o.partition),
        lambda m, o: in_json(source=str(m.folder), collection=o.alias),
        lambda m, o: in_json(source=str(m.folder), collection=o.collection, callback_url=CALLBACK),
        lambda m, o: in_json(source={"paths": [o.path]}, collection=o.collection),
        lambda m, o: in_json(source={"manifest": o.path}, collection=m.collection),
    ],
    "GET /api/v2/jobs": [
        lambda m, o: {},
        lambda m, o: {"query_string": {"collection": o.collection}},
        lambda m, o: {"query_string": {"collection": o.alias, "state": "succeeded,completed_with_failures"}},
    ],
    "GET /api/v2/jobs/{job_id}": [lambda m, o: {}, lambda m, o: {"query_string": {"wait": 1}}],
    "GET /api/v2/jobs/{job_id}/events": [lambda m, o: {}],
    "GET /api/v2/jobs/{job_id}/callbacks": [lambda m, o: {}],
    "POST /api/v2/jobs/{job_id}/cancel": [lambda m, o: {}],
    "GET /api/v2/jobs/{job_id}/duplicates": [lambda m, o: {}],
    "GET /api/v2/jobs/{job_id}/export": [lambda m, o: {}],
    "DELETE /api/v2/jobs/{job_id}/export": [lambda m, o: {}],
    "GET /api/v2/jobs/{job_id}/export/parts": [lambda m, o: {}],
    "GET /api/v2/jobs/{job_id}/export/parts/{number}": [lambda m, o: {}],
    "GET /api/v2/jobs/{job_id}/failures": [lambda m, o: {}],
    "POST /api/v2/jobs/{job_id}/pause": [lambda m, o: {}],
    "POST /api/v2/jobs/{job_id}/resume": [lambda m, o: {}],
    "POST /api/v2/jobs/{job_id}/retry": [lambda m, o: {}],
    "GET /api/v2/session": [lambda m, o: {}],
    "POST /api/v2/session": [lambda m, o: {}],
    "DELETE /api/v2/session": [lambda m, o: {}],
    "GET /api/v2/keys": [lambda m, o: {}],
    "POST /api/v2/keys": [
        lambda m, o: in_json(name="wider", collections=[o.collection]),
        lambda m, o: in_json(name="wider", scope="admin"),
    ],
    "GET /api/v2/keys/{key_id}": [lambda m, o: {}],
    "DELETE /api/v2/keys/{key_id}": [lambda m, o: {}, lambda m, o: {"query_string": {"dry_run": "true"}}],
    "GET /api/v2/quotas": [lambda m, o: {}],
    "GET /api/v2/work": [lambda m, o: {}],
    "GET /api/v2/openapi.json": [lambda m, o: {}],
    "GET /api/v2/admin/doctor": [lambda m, o: {}],
    "POST /api/v2/admin/reconcile": [lambda m, o: in_json(dry_run=True)],
    "POST /api/v1/train": [
        lambda m, o: {"data": {"File": str(o.folder), "Table": m.collection}},
        lambda m, o: (
            {"data": {"File": str(m.folder), "Table": o.collection}} if o.collection != m.collection else {}
        ),
    ],
    "GET /api/v1/process": [lambda m, o: {}],
    "POST /api/v1/count": [lambda m, o: {"data": {"Table": o.collection}}],
    "POST /api/v1/search": [lambda m, o: {"data": {"Table": o.collection, "Num": "50", "file": picture()}}],
    "POST /api/v1/delete": [lambda m, o: {"data": {"Table": o.collection}}],
    "GET /metrics": [lambda m, o: {}],
}
"""For each route, requests that name what is another tenant's. One that is missing fails the test."""


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    for path, item in document(app)["paths"].items():
        yield from ((method.upper(), path) for method in item)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("v1.") or rule.rule == "/metrics":
            yield from ((method, rule.rule) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"})


def urls(path: str, other: Tenant) -> Iterator[str]:
    values = {"{name}": [other.collection], "{alias}": [other.alias], "{image_id}": [other.image_id]}
    values["{key_id}"] = ["0" * 16]
    values["{number}"] = [1]
    values["{job_id}"] = [other.job_id, other.duplicates_id, other.export_id]
    filled = [path]
    for name, found in values.items():
        filled = [url.replace(name, str(value)) for url in filled for value in found]
    return iter(dict.fromkeys(filled))


def shown(response: TestResponse, request: str, asked: Tenant) -> tuple[int, str]:
    """Return what an answer says, without what differs from one answer to the next and what it was asked for."""
    text = response.get_data(as_text=True)
    values = [
        asked.path,
        asked.folder,
        asked.alias,
        asked.collection,
        asked.job_id,
        asked.duplicates_id,
        asked.export_id,
    ]
    values.append(f"{asked.name}-key")
    for number, value in enumerate(map(str, values)):
        if value in request:
            text = text.replace(value, f"<{number}>")
    text = re.sub(rf"\b{asked.image_id}\b", "<id>", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<uuid>", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[^\"]+", "<time>", text)
    return response.status_code, re.sub(r'"took_ms": ?\{[^}]*\}', "<took>", text)


def of_others(world: World, theirs: Tenant) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows that are the other tenant's."""
    at_home = tables.images.c.path.startswith(f"{theirs.folder}/")
    with world.catalog.reading() as tx:
        collection_id = world.collection(theirs.collection).id
        found = {
            "images": sa.select(tables.images).where(at_home).order_by(tables.images.c.id),
            "jobs": sa.select(tables.jobs.c.id, tables.jobs.c.state, tables.jobs.c.revision).where(
                tables.jobs.c.id.in_([theirs.job_id, theirs.duplicates_id, theirs.export_id])
            ),
            "exports": sa.select(tables.exports).where(tables.exports.c.job_id == theirs.export_id),
            "aliases": sa.select(tables.collection_aliases).order_by(tables.collection_aliases.c.alias),
            "names": sa.select(tables.collections.c.name, tables.collections.c.state).where(
                tables.collections.c.id == collection_id
            ),
        }
        return {name: [tuple(row) for row in tx.execute(query)] for name, query in found.items()}


def test_no_route_leads_to_another_tenant_or_tells_that_there_is_one(house: House) -> None:
    before = of_others(house.world, house.theirs)
    assert {f"{method} {path}" for method, path in routes(house.app)} == REQUESTS.keys()
    for method, path in routes(house.app):
        for make in REQUESTS[f"{method} {path}"]:
            pairs = zip(urls(path, house.theirs), urls(path, house.none), strict=True)
            for urls_of in pairs:
                answers = []
                for url, other in zip(urls_of, (house.theirs, house.none), strict=True):
                    parts = make(house.mine, other)
                    where = f"{method} {url} {parts}"
                    answers.append(shown(house.ask(method, url, **parts), where, other))
                assert answers[0] == answers[1], where
                assert answers[0][0] != 500, where
                assert house.theirs.name not in answers[0][1], where
    assert of_others(house.world, house.theirs) == before


def seen(house: House) -> dict[str, Any]:
    """Return all that the key is told about what is its own, and about the system."""
    answers = {}
    for method, path in routes(house.app):
        for make in REQUESTS[f"{method} {path}"] if method == "GET" else []:
            for url in urls(path, house.mine):
                response = house.ask(method, url, **make(house.mine, house.mine))
                answers[url] = response.status_code, response.get_data()
    name = house.mine.collection
    answers["count"] = house.ask("POST", "/api/v1/count", data={"Table": name}).get_data()
    found = house.ask("POST", f"/api/v2/collections/{name}/search", json={"vector": VECTOR, "top_k": 50})
    answers["search"] = found.get_json()["results"]
    return answers


def test_what_others_do_changes_no_answer(house: House) -> None:
    before = seen(house)
    assert len(before["search"]) == int(before["count"]) == 3
    theirs = house.theirs
    for index in range(5, 9):
        (theirs.folder / f"{index}.png").write_bytes(encoded(photo_like(index), "PNG"))
    house.world.run(theirs.folder, theirs.collection, partition=theirs.partition)
    assert seen(house) == before
