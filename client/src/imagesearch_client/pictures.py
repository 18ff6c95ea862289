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
        key: str | None = None,
    ) -> WrittenImage:
        """Upload a picture, and return it when it can be searched; the same content again is the same image.

        `key` is your own id of it, by which it is found, changed and deleted as well.

        Raises:
            OSError: the picture's file cannot be read.
        """
        name, content = read_picture(image)
        form = {} if partition is None else {"partition": partition}
        form |= {} if key is None else {"key": key}
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
        key: str | None = None,
    ) -> Iterator[Image]:
        """Iterate over indexed pictures: of a collection, a partition or a key, or those that a filter matches."""
        asked = {
            "partition": partition,
            "filter": None if filter is None else json.dumps(dict(filter)),
            "key": key,
        }
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
        image: int | str,
        *,
        metadata: Mapping[str, Any] | _Kept | None = KEEP,
        partition: str | None = None,
        key: str | None = None,
        of_partition: str | None = None,
    ) -> WrittenImage:
        """Change a picture that is named by its id, or by its key, which may be one `of_partition`.

        Metadata is merged into what there is (RFC 7396: null removes a key); None removes all of it. The picture
        moves to `partition`, and gets `key`.
        """
        body: dict[str, Any] = {}
        if not isinstance(metadata, _Kept):
            body["metadata"] = None if metadata is None else dict(metadata)
        body |= {} if partition is None else {"partition": partition}
        body |= {} if key is None else {"key": key}
        path, params = _named(collection, image, of_partition)
        return WrittenImage.parse(self._connection.json("PATCH", path, Retry.SAFE, params=params, json=body))

    def delete_image(
        self, collection: str, image: int | str, *, of_partition: str | None = None, dry_run: bool = False
    ) -> None:
        """Delete one picture, named by its id or its key; its file stays, unless it was uploaded.

        A dry run only sees that it is there.
        """
        path, params = _named(collection, image, of_partition)
        params |= {"dry_run": "true"} if dry_run else {}
        self._connection.send("DELETE", path, Retry.NEVER, params=params)

    def delete_images(
        self,
        collection: str,
        *,
        ids: Sequence[int] | None = None,
        paths: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the API's own name
        partition: str | None = None,
        dry_run: bool = False,
    ) -> Deletion:
        """Delete pictures by ids, paths, or keys, or by a filter on their metadata, a partition, or both.

        Many pictures are deleted in several requests; after an error, those of earlier requests stay deleted.
        A dry run only counts them.
        """
        asked: dict[str, Any] = {
            "ids": list(ids) if ids is not None else None,
            "paths": list(paths) if paths is not None else None,
            "keys": list(keys) if keys is not None else None,
            "filter": dict(filter) if filter is not None else None,
            "partition": partition,
            "dry_run": dry_run or None,
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


def _named(collection: str, image: int | str, partition: str | None) -> tuple[str, dict[str, str]]:
    """Return the path of a picture and what its query says: a number is its id, a text its key."""
    if isinstance(image, int):
        return _image_path(collection, image), {}
    of = {} if partition is None else {"partition": partition}
    return f"{collection_path(collection)}/images", {"key": image, **of}
