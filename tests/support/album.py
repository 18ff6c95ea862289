"""A collection in a catalogue whose rows name keys, without a vector store behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from imagesearch.catalog import collections, images, jobs, keys, naming
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.images import Image
from imagesearch.catalog.naming import Named
from imagesearch.catalog.reindex import builds, exceptions
from imagesearch.catalog.reindex.builds import ReindexBuild
from imagesearch.catalog.reindex.exceptions import ExceptionRecord
from imagesearch.catalog.states import JobOrigin
from imagesearch.catalog.tables import tombstones
from imagesearch.contract import ExtractedImage, JobKind
from imagesearch.networks import NetworkSpec

LONG_AGO = sa.text("clock_timestamp() - interval '1 hour'")


@dataclass(frozen=True)
class Album:
    """Hold the collection `default` of a catalogue."""

    catalog: Catalog

    @property
    def collection(self) -> Collection:
        with self.catalog.transaction() as tx:
            return collections.create(tx, "default")[0]

    def index(
        self,
        *paths: str,
        sha256: str = "digest",
        partition: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> list[Image]:
        """Give images of these paths new vectors, and return their rows."""
        collection = self.collection
        with self.catalog.transaction() as tx:
            made = images.ensure_rows(tx, collection.id, list(paths), partition, metadata)
            rows = naming.lock(tx, collection, [row.id for row in made.values()])
            drawn = keys.draw(tx, len(rows))
            named = [
                Named(row, key, row.partition, row.metadata, facts(row.id, sha256))
                for row, key in zip(rows.values(), drawn, strict=True)
            ]
            naming.name(tx, collection, named)
        return [self.row(path) for path in paths]

    def row(self, path: str) -> Image:
        collection = self.collection
        with self.catalog.transaction() as tx:
            return images.ensure_rows(tx, collection.id, [path], None, None)[path]

    def delete(self, *rows: Image) -> list[int]:
        with self.catalog.transaction() as tx:
            return naming.delete(tx, self.collection, [row.id for row in rows])

    def buried(self) -> set[tuple[int | None, str]]:
        """Return the keys that have tombstones, each with its Milvus collection."""
        with self.catalog.transaction() as tx:
            return {(row.key, row.vector_collection) for row in tx.execute(sa.select(tombstones))}

    def age_tombstones(self) -> None:
        with self.catalog.transaction() as tx:
            tx.execute(sa.update(tombstones).values(since=LONG_AGO))

    def begin_build(self) -> ReindexBuild:
        collection = self.collection
        with self.catalog.transaction() as tx:
            job = builds.submit(
                tx,
                collection,
                jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory=None, kind=JobKind.REINDEX),
                index_type="FLAT",
                index_params={},
                preprocessing=collection.preprocessing,
                network=NetworkSpec(collection.network, collection.dimension),
                model=collection.model,
            )
            found = builds.get(tx, job.id)
        assert found is not None
        return found

    def record(self, build: ReindexBuild, row: Image, *, sha256: str | None) -> int | None:
        """Have a build find another digest in the file of an image, or nothing that it can use; return the key."""
        assert row.vector_key is not None
        with self.catalog.transaction() as tx:
            key = keys.draw(tx, 1)[0] if sha256 is not None else None
            found = facts(row.id, sha256) if sha256 is not None else None
            exceptions.record(tx, build.job_id, [ExceptionRecord(row.id, row.vector_key, key, found)])
        return key

    def switch(self, build: ReindexBuild) -> Collection:
        collection = self.collection
        with self.catalog.transaction() as tx:
            builds.switch(tx, build, collection, retire_after=timedelta(0))
        return self.collection


def facts(image_id: int, sha256: str) -> ExtractedImage:
    return ExtractedImage(image_id, sha256, 10, 20, 8, 8, "PNG", None)
