# Made of asynchronous/collections.py by `make client`: change that.
"""The client's methods that look after whole collections: names, aliases, indexes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imagesearch_client.answers import Alias, Collection
from imagesearch_client.blocking.jobs import JobCalls, JobHandle
from imagesearch_client.facets import Facets
from imagesearch_client.patience import Retry
from imagesearch_client.requests import alias_path, collection_path, condition, given, key_header, mapped


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
        path, headers = "/api/v2/collections", key_header()
        return self._shown(Collection.parse, "POST", path, Retry.SAFE, json=body, headers=headers)

    def collection(self, name: str) -> Collection:
        """Return one collection with its exact counts."""
        return self._shown(Collection.parse, "GET", collection_path(name), Retry.SAFE)

    def delete_collection(
        self, name: str, *, dry_run: bool = False, if_match: str | None = None
    ) -> Collection | None:
        """Delete a collection with its rows and vectors; the picture files stay.

        A dry run only returns what would be deleted.
        """
        path, wanted = collection_path(name), condition(if_match)
        if dry_run:
            return self._shown(
                Collection.parse, "DELETE", path, Retry.SAFE, params={"dry_run": "true"}, headers=wanted
            )
        self._connection.send("DELETE", path, Retry.NEVER, headers=wanted)
        return None

    def rename_collection(self, name: str, new_name: str, *, if_match: str | None = None) -> Collection:
        """Give a collection another name; its aliases stay."""
        # Once only: the second try after a lost answer would not find the old name.
        path, body, headers = collection_path(name), {"name": new_name}, condition(if_match)
        return self._shown(Collection.parse, "PATCH", path, Retry.NEVER, json=body, headers=headers)

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
        return self._shown(Alias.parse, "GET", alias_path(alias), Retry.SAFE)

    def put_alias(
        self, alias: str, collection: str, *, if_match: str | None = None, only_new: bool = False
    ) -> Alias:
        """Point an alias at a collection, at once and wholly, wherever it pointed before; `only_new` makes one.

        Example:
            >>> alias = client.put_alias("current", "photos")
            >>> alias.collection
            'photos'
        """
        body, headers = {"collection": collection}, condition(if_match, is_new=only_new)
        retry = Retry.NEVER if headers else Retry.SAFE
        return self._shown(Alias.parse, "PUT", alias_path(alias), retry, json=body, headers=headers)

    def delete_alias(self, alias: str, *, dry_run: bool = False, if_match: str | None = None) -> Alias | None:
        """Remove an alias; its collection stays. A dry run only returns where it leads."""
        path, wanted = alias_path(alias), condition(if_match)
        if dry_run:
            return self._shown(Alias.parse, "DELETE", path, Retry.SAFE, params={"dry_run": "true"}, headers=wanted)
        self._connection.send("DELETE", path, Retry.NEVER, headers=wanted)
        return None

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
