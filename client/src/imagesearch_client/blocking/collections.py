# Made of asynchronous/collections.py by `make client`: change that.
"""The client's methods that look after whole collections: names, aliases, indexes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imagesearch_client.answers import Alias, Collection
from imagesearch_client.blocking.jobs import JobCalls, JobHandle
from imagesearch_client.facets import Facets
from imagesearch_client.patience import Retry
from imagesearch_client.requests import alias_path, collection_path, given, key_header, mapped


class CollectionCalls(JobCalls):
    """Look after collections; a part of `Client`."""

    def collections(self) -> Iterator[Collection]:
        """Iterate over the collections, page by page."""
        return self._pages("/api/v2/collections", Collection.parse)

    def create_collection(
        self,
        name: str,
        *,
        index_type: str | None = None,
        index_params: Mapping[str, Any] | None = None,
        network: str | None = None,
        pipeline: str | None = None,
        preprocessing: Mapping[str, Any] | None = None,
    ) -> Collection:
        """Create an empty collection; what is None takes the API's default.

        Example:
            >>> made = client.create_collection("photos", pipeline="recommended")
            >>> made.images
            0
        """
        options = given(
            index_type=index_type,
            index_params=mapped(index_params),
            network=network,
            pipeline=pipeline,
            preprocessing=mapped(preprocessing),
        )
        body = {"name": name, **options}
        return Collection.parse(self._connection.json("POST", "/api/v2/collections", Retry.NEVER, json=body))

    def collection(self, name: str) -> Collection:
        """Return one collection with its exact counts."""
        return Collection.parse(self._connection.json("GET", collection_path(name), Retry.SAFE))

    def delete_collection(self, name: str) -> None:
        """Delete a collection with its rows and vectors; the picture files stay."""
        self._connection.send("DELETE", collection_path(name), Retry.NEVER)

    def rename_collection(self, name: str, new_name: str) -> Collection:
        """Give a collection another name; its aliases stay."""
        # Once only: the second try after a lost answer would not find the old name.
        return Collection.parse(
            self._connection.json("PATCH", collection_path(name), Retry.NEVER, json={"name": new_name})
        )

    def facets(self, collection: str, *, partition: str | None = None) -> Facets:
        """Return which metadata pictures have, for filters; of a large collection some are looked at.

        Example:
            >>> facets = client.facets("photos")
            >>> for facet in facets.items:
            ...     print(facet.field, [each.value for each in facet.values])
            year [2020]
        """
        path, params = f"{collection_path(collection)}/facets", given(partition=partition)
        return Facets.parse(self._connection.json("GET", path, Retry.SAFE, params=params))

    def aliases(self) -> Iterator[Alias]:
        """Iterate over the aliases, by name and page by page."""
        return self._pages("/api/v2/aliases", Alias.parse)

    def alias(self, alias: str) -> Alias:
        """Return where an alias points."""
        return Alias.parse(self._connection.json("GET", alias_path(alias), Retry.SAFE))

    def put_alias(self, alias: str, collection: str) -> Alias:
        """Point an alias at a collection, at once and wholly, wherever it pointed before.

        Example:
            >>> alias = client.put_alias("current", "photos")
            >>> alias.collection
            'photos'
        """
        body = {"collection": collection}
        return Alias.parse(self._connection.json("PUT", alias_path(alias), Retry.SAFE, json=body))

    def delete_alias(self, alias: str) -> None:
        """Remove an alias; its collection stays."""
        self._connection.send("DELETE", alias_path(alias), Retry.NEVER)

    def reindex(
        self,
        collection: str,
        *,
        index_type: str | None = None,
        index_params: Mapping[str, Any] | None = None,
        network: str | None = None,
        pipeline: str | None = None,
        preprocessing: Mapping[str, Any] | None = None,
        extract: bool = False,
        callback_url: str | None = None,
    ) -> JobHandle:
        """Submit a job that builds the collection's index anew; searches use the old one until it is done.

        What is None stays as it is. With another network or preprocessing, or where `extract` asks for it, every
        picture is extracted again.

        Example:
            >>> job = client.reindex("photos", index_type="HNSW", index_params={"M": 16})
            >>> job = job.wait()
            >>> job.ended
            True
        """
        body = given(
            index_type=index_type,
            index_params=mapped(index_params),
            network=network,
            pipeline=pipeline,
            preprocessing=mapped(preprocessing),
            # A server that does not know it is not asked.
            extract=extract or None,
            callback_url=callback_url,
        )
        path = f"{collection_path(collection)}/reindex"
        return self._handle(self._connection.json("POST", path, Retry.SAFE, json=body, headers=key_header()))
