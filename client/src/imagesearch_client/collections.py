"""The client's methods that look after whole collections: names, indexes, duplicates."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from imagesearch_client.answers import Alias, Collection
from imagesearch_client.calls import Calls, Picture, collection_path, read_picture, segment
from imagesearch_client.connection import Retry
from imagesearch_client.duplicates import Comparison, DuplicateGroups
from imagesearch_client.jobs import Job


class CollectionCalls(Calls):
    """Look after collections; a part of `Client`."""

    def rename_collection(self, name: str, new_name: str) -> Collection:
        """Give a collection another name; its aliases stay."""
        # Once only: the second try after a lost answer would not find the old name.
        return Collection.parse(
            self._connection.json("PATCH", collection_path(name), Retry.NEVER, json={"name": new_name})
        )

    def aliases(self) -> Iterator[Alias]:
        """Iterate over the aliases, by name and page by page."""
        return self._pages("/api/v2/aliases", Alias.parse)

    def put_alias(self, alias: str, collection: str) -> Alias:
        """Point an alias at a collection, at once and wholly, wherever it pointed before."""
        path = f"/api/v2/aliases/{segment(alias)}"
        return Alias.parse(self._connection.json("PUT", path, Retry.SAFE, json={"collection": collection}))

    def delete_alias(self, alias: str) -> None:
        """Remove an alias; its collection stays."""
        self._connection.send("DELETE", f"/api/v2/aliases/{segment(alias)}", Retry.NEVER)

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
    ) -> Job:
        """Submit a job that builds the collection's index anew; searches use the old one until it is done.

        What is None stays as it is. With another network or preprocessing, or where `extract` asks for it, every
        picture is extracted again.
        """
        options = {
            "index_type": index_type,
            "index_params": index_params,
            "network": network,
            "pipeline": pipeline,
            "preprocessing": preprocessing,
            # A server that does not know it is not asked.
            "extract": extract or None,
            "callback_url": callback_url,
        }
        body = {key: value for key, value in options.items() if value is not None}
        return Job.parse(
            self._connection.json(
                "POST", f"{collection_path(collection)}/reindex", Retry.SAFE, json=body, headers=_key()
            )
        )

    def duplicates(
        self, collection: str, *, max_distance: float | None = None, partition: str | None = None
    ) -> DuplicateGroups:
        """Iterate over groups of like pictures; refused for a large collection, see `find_duplicates`."""
        asked = {"max_distance": None if max_distance is None else repr(max_distance), "partition": partition}
        params = {key: value for key, value in asked.items() if value is not None}
        return DuplicateGroups(self._read(f"{collection_path(collection)}/duplicates", params))

    def find_duplicates(
        self,
        collection: str,
        *,
        max_distance: float | None = None,
        partition: str | None = None,
        callback_url: str | None = None,
    ) -> Job:
        """Submit a job that looks for duplicates, however many pictures there are."""
        asked = {"max_distance": max_distance, "partition": partition, "callback_url": callback_url}
        body = {key: value for key, value in asked.items() if value is not None}
        path = f"{collection_path(collection)}/duplicates"
        return Job.parse(self._connection.json("POST", path, Retry.SAFE, json=body, headers=_key()))

    def duplicates_of_job(self, job_id: str) -> DuplicateGroups:
        """Iterate over the groups that a job has found, page by page."""
        return DuplicateGroups(self._read(f"/api/v2/jobs/{segment(job_id)}/duplicates"))

    def compare(
        self, a: Picture | int, b: Picture | int, *, collection: str | None = None, explain: str | None = None
    ) -> Comparison:
        """Tell how far two pictures lie from each other; an int is the id of an indexed one.

        Args:
            a: one picture.
            b: the other.
            collection: whose pipeline makes them comparable; None takes that of an indexed one.
            explain: ``regions`` tells where in both the similarity comes from, ``picture`` draws them as well.

        Raises:
            OSError: a picture's file cannot be read.
        """
        given = {"collection": collection, "explain": explain}
        fields = {name: value for name, value in given.items() if value is not None}
        files: dict[str, tuple[str, bytes, str]] = {}
        if isinstance(a, int) and isinstance(b, int):
            body = {"a": {"image_id": a}, "b": {"image_id": b}, **fields}
            return Comparison.parse(self._connection.json("POST", "/api/v2/compare", Retry.SAFE, json=body))
        for name, side in (("a", a), ("b", b)):
            if isinstance(side, int):
                fields[name] = str(side)
            else:
                file_name, content = read_picture(side)
                files[name] = (file_name, content, "application/octet-stream")
        return Comparison.parse(
            self._connection.json("POST", "/api/v2/compare", Retry.RESET, files=files, data=fields)
        )


def _key() -> dict[str, str]:
    """Return the header under which a request may come twice and makes one job."""
    return {"Idempotency-Key": str(uuid.uuid4())}
