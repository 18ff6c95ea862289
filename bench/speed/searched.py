"""Hold a collection that is searched, the product that does it, and a server that does nothing but the least."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

import numpy as np
from pymilvus import MilvusClient

from bench.calling import Caller
from bench.ground import PIPELINE, REPOSITORY, Ground
from bench.milvus.features import Mixtures
from imagesearch.catalog import collections, images, naming
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.naming import Named
from imagesearch.contract import ExtractedImage, Vectors
from imagesearch.networks import VGG16
from imagesearch.settings import MilvusSettings
from imagesearch.vectors import IndexSpec, VectorStore
from imagesearch.vectors.milvus import MilvusVectorStore
from support.kept_ports import kept_port
from support.waiting import ended, until

NAME: Final = "searched"
SEED: Final = 3
WRITE_AT_ONCE: Final = 1_000
ASKED_BEFORE: Final = 20
"""Pictures that are asked about again and again."""


@dataclass(frozen=True, slots=True)
class Searched:
    """Hold what searches are measured on.

    Attributes:
        product: calls the product.
        bare: calls the server that does the least.
        ids: of images, and at the same place of `vectors` the vector of each.
        vectors: what the bare server searches by: those of images, and behind them those of `pictures`.
        pictures: that the product has been asked about before.
        collection: its name in Milvus.
    """

    product: Caller
    bare: Caller
    ids: list[int]
    vectors: Vectors
    pictures: list[bytes]
    collection: str


@cache
def searched(ground: Ground) -> Searched:
    """Fill a collection and start the bare server."""
    product, rows = ground.product, ground.sizes.rows
    pictures = [ground.pictures.unseen() for _ in range(ASKED_BEFORE)]
    vectors = Mixtures.of(ground.parts).draw(rows, SEED)
    model = product.http.get("/api/v2/info").raise_for_status().json()["model"]
    with (
        closing(Catalog(product.postgres)) as catalog,
        closing(MilvusVectorStore(MilvusSettings(milvus_uri=ground.milvus.uri, milvus_timeout=60))) as store,
    ):
        collection_id, name, ids = _seed(catalog, store, model, rows)
        fill(store, name, vectors)
    wait_for_index(ground.milvus.uri, name, rows)
    asked = ground.folder / "vectors.npy"
    everything = np.concatenate([vectors, ground.vectors(pictures)])
    np.save(asked, everything)
    environment = {"COLLECTION": name, "COLLECTION_ID": str(collection_id), "VECTORS": str(asked)}
    bare = ground.keep(_bare_server(product.environment | environment, ground.folder / "bare-output"))
    found = Searched(
        ground.keep(closing(Caller(product.url, NAME))),
        ground.keep(closing(Caller(bare))),
        ids,
        everything,
        pictures,
        name,
    )
    for picture in pictures:
        found.product.upload(picture)
    return found


def _seed(catalog: Catalog, store: VectorStore, model: str, rows: int) -> tuple[int, str, list[int]]:
    """Give a collection so many images, whose keys are 1, 2, ...; return its id, its name in Milvus and theirs."""
    paths = [f"/searched/{index:06}.jpg" for index in range(rows)]
    with catalog.transaction() as tx:
        collection, _ = collections.create(tx, NAME, preprocessing=PIPELINE)
        collection = collections.pin_model(tx, collection, model)
        made = images.ensure_rows(tx, collection.id, paths, None, None)
        facts = ExtractedImage(0, "", 0, 0, 500, 375, "JPEG", 0)
        naming.name(tx, collection, [Named(made[path], key, "", {}, facts) for key, path in enumerate(paths, 1)])
    store.ensure_collection(collection.vector_collection, IndexSpec(), VGG16.dimension)
    return collection.id, collection.vector_collection, [made[path].id for path in paths]


def fill(store: VectorStore, name: str, vectors: Vectors) -> None:
    """Write vectors under the keys 1, 2, ... and wait until all of them can be searched."""
    for start in range(0, len(vectors), WRITE_AT_ONCE):
        part = vectors[start : start + WRITE_AT_ONCE]
        keys = np.arange(start + 1, start + 1 + len(part))
        store.upsert(name, keys, part, [""] * len(part), [{}] * len(part))
    store.compact(name)
    if store.count(name, strong=True) != len(vectors):
        raise RuntimeError(f"{name}: not every vector arrived")


def wait_for_index(uri: str, name: str, rows: int) -> None:
    """Wait until searches of a collection read nothing but its index; building it takes both cores."""

    def is_in_use(client: MilvusClient) -> bool:
        loaded = client.list_loaded_segments(name)
        # Growing segments, and sealed ones before their index is loaded, name none.
        ready: int = sum(index.num_rows for index in loaded if index.index_name == "vector")
        return ready == rows

    with closing(MilvusClient(uri, dedicated=True)) as client:
        until(partial(is_in_use, client), seconds=600)


@contextmanager
def _bare_server(environment: dict[str, str], output: Path) -> Iterator[str]:
    """Run the bare server under the product's for as long as it is needed; yield its URL."""
    port = kept_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    command += ["--config", "python:imagesearch_api.gunicorn_conf", "bench.bare.requests:create_app()"]
    url = f"http://127.0.0.1:{port}"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=os.environ | environment | {"API_KEYS": "false"},
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        until(partial(_answers, url), alive=process, output=output)
        yield url
    finally:
        process.terminate()
        ended(process)


def _answers(url: str) -> bool:
    with closing(Caller(url)) as caller:
        try:
            caller.bare(0)
        except ConnectionError:
            return False
    return True
