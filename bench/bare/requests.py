"""Answer one HTTP request by one Milvus search and one Postgres select, and do nothing else.

It runs under the same server as the product's API: `gunicorn --config python:imagesearch_api.gunicorn_conf
"bench.bare.requests:create_app()"`, with `COLLECTION` the name of vectors in Milvus, `COLLECTION_ID` that of their
rows, and `VECTORS` a file of what is searched by.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from threading import local
from typing import Any

import numpy as np
from pymilvus import MilvusClient

from bench.bare.stores import Postgres, searched

Wsgi = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]


def create_app() -> Wsgi:
    """Return the application; each of its threads has connections of its own."""
    vectors = np.load(os.environ["VECTORS"])
    name, collection_id = os.environ["COLLECTION"], int(os.environ["COLLECTION_ID"])
    own = local()

    def answer(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        if not hasattr(own, "milvus"):
            own.milvus = MilvusClient(os.environ["MILVUS_URI"], dedicated=True)
            own.postgres = Postgres(os.environ["DATABASE_URL"])
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        found = searched(own.milvus, name, vectors[asked["at"]])
        rows = own.postgres.by_keys(collection_id, [key for key, _ in found])
        near = dict(found)
        results = [{"id": row[0], "path": row[2], "cosine": near.get(row[0])} for row in rows]
        body = json.dumps({"results": results}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return answer
