"""The client's methods for single pictures: add, list, show, change, fetch, delete."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imagesearch_client.answers import Deletion, Image, ShownImage, WrittenImage
from imagesearch_client.calls import Calls, Picture, collection_path, read_picture
from imagesearch_client.connection import Retry
from imagesearch_client.facets import Facets


class _Kept:
    """Say that a value stays as it is, where None is a value of its own."""


KEEP = _Kept()


class Pictures(Calls):
    """Work with single pictures; a part of `Client`."""

    def add_image(
        self,
        collection: str,
        image: Picture,
        *,
        partition: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> WrittenImage:
        """Upload a picture, and return it when it can be searched; the same content again is the same image.

        Raises:
            OSError: the picture's file cannot be read.
        """
        name, content = read_picture(image)
        form = {} if partition is None else {"partition": partition}
        form |= {} if metadata is None else {"metadata": json.dumps(dict(metadata))}
        answer = self._connection.json(
            "POST",
            f"{collection_path(collection)}/images",
            Retry.SAFE,
            files={"image": (name, content, "application/octet-stream")},
            data=form,
        )
        return WrittenImage.parse(answer)

    def images(
        self,
        collection: str,
        *,
        partition: str | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the API's own name
    ) -> Iterator[Image]:
        """Iterate over the indexed pictures of a collection, a partition, or those that a filter lets pass."""
        asked = {"partition": partition, "filter": None if filter is None else json.dumps(dict(filter))}
        params = {name: value for name, value in asked.items() if value is not None}
        return self._pages(f"{collection_path(collection)}/images", Image.parse, params or None)

    def facets(self, collection: str, *, partition: str | None = None) -> Facets:
        """Return which metadata pictures have, for filters; of a large collection some are looked at."""
        params = None if partition is None else {"partition": partition}
        path = f"{collection_path(collection)}/facets"
        return Facets.parse(self._connection.json("GET", path, Retry.SAFE, params=params))

    def image(self, collection: str, image_id: int) -> ShownImage:
        """Return what is known of one picture."""
        return ShownImage.parse(self._connection.json("GET", _image_path(collection, image_id), Retry.SAFE))

    def change_image(
        self,
        collection: str,
        image_id: int,
        *,
        metadata: Mapping[str, Any] | _Kept | None = KEEP,
        partition: str | None = None,
    ) -> WrittenImage:
        """Merge metadata into that of a picture (RFC 7396: null removes a key), or move it to a partition.

        Metadata of None removes all of it.
        """
        body: dict[str, Any] = {}
        if not isinstance(metadata, _Kept):
            body["metadata"] = None if metadata is None else dict(metadata)
        if partition is not None:
            body["partition"] = partition
        return WrittenImage.parse(
            self._connection.json("PATCH", _image_path(collection, image_id), Retry.SAFE, json=body)
        )

    def delete_image(self, collection: str, image_id: int) -> None:
        """Delete one picture from a collection; its file stays, unless it was uploaded."""
        self._connection.send("DELETE", _image_path(collection, image_id), Retry.NEVER)

    def delete_images(
        self,
        collection: str,
        *,
        ids: Sequence[int] | None = None,
        paths: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the API's own name
        partition: str | None = None,
    ) -> Deletion:
        """Delete pictures by ids, or by paths, or by a filter on their metadata, a partition, or both.

        Many pictures are deleted in several requests; after an error, those of earlier requests stay deleted.
        """
        asked: dict[str, Any] = {
            "ids": list(ids) if ids is not None else None,
            "paths": list(paths) if paths is not None else None,
            "filter": dict(filter) if filter is not None else None,
            "partition": partition,
        }
        body = {name: value for name, value in asked.items() if value is not None}
        path = f"{collection_path(collection)}/images/delete"
        done = Deletion.parse(self._connection.json("POST", path, Retry.NEVER, json=body))
        while done.next is not None:
            going_on = {**body, "cursor": done.next}
            more = Deletion.parse(self._connection.json("POST", path, Retry.NEVER, json=going_on))
            done = Deletion(done.deleted + more.deleted, done.missing, more.next)
        return done

    def image_file(self, image_id: int) -> bytes:
        """Return the bytes of one picture's file."""
        return self._connection.send("GET", f"/api/v2/images/{image_id:d}/file", Retry.SAFE).content

    def thumbnail(self, image_id: int, size: int = 256) -> bytes:
        """Return a small version of one picture as a JPEG; `size` is 64 to 512 pixels."""
        path = f"/api/v2/images/{image_id:d}/thumbnail"
        headers = {"Accept": "image/jpeg"}
        return self._connection.send("GET", path, Retry.SAFE, params={"size": str(size)}, headers=headers).content


def _image_path(collection: str, image_id: int) -> str:
    return f"{collection_path(collection)}/images/{image_id:d}"
