# Made of asynchronous/images.py by `make client`: change that.
"""The client's methods for single pictures: add, list, show, change, fetch, delete."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from imagesearch_client.answers import Deletion, Image, ShownImage, WrittenImage
from imagesearch_client.blocking.calls import Calls
from imagesearch_client.blocking.concurrency import in_parallel, in_thread
from imagesearch_client.errors import ClientError
from imagesearch_client.fields import Fields
from imagesearch_client.patience import Retry
from imagesearch_client.pictures import Picture, read_picture
from imagesearch_client.requests import (
    KEEP,
    MAX_DIGESTS,
    Kept,
    collection_path,
    condition,
    given,
    image_path,
    key_header,
    listed,
    mapped,
    named_image,
)
from imagesearch_client.uploads import PARALLEL, Upload, Uploaded, concerns_all, uploads_of


class ImageCalls(Calls):
    """Work with single pictures; a part of `Client`."""

    def add_image(
        self,
        collection: str,
        image: Picture,
        *,
        partition: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        key: str | None = None,
        facts: Sequence[str] = (),
    ) -> WrittenImage:
        """Upload a picture, and return it when it can be searched; the same content again is the same image.

        `key` is your own id of it, by which it is found, changed and deleted as well. `facts` become metadata from
        its EXIF, as `submit_job` says.

        Raises:
            OSError: the picture's file cannot be read.

        Example:
            >>> written = client.add_image("photos", "cat.jpg", key="sku-1", metadata={"year": 2020})
            >>> written.image.id, written.searchable_at is not None
            (1, True)
        """
        part = in_thread(read_picture, image)
        labels = None if metadata is None else json.dumps(dict(metadata))
        form = given(partition=partition, key=key, metadata=labels, facts=",".join(facts) or None)
        path = f"{collection_path(collection)}/images"
        sent = {"files": {"image": part}, "data": form, "headers": key_header()}
        return self._shown(WrittenImage.parse, "POST", path, Retry.SAFE, **sent)

    def add_images(
        self,
        collection: str,
        images: Iterable[Picture | Upload],
        *,
        partition: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        parallel: int = PARALLEL,
    ) -> Generator[Uploaded, None]:
        """Upload many pictures, `parallel` at once, and yield what became of each as soon as it is known.

        Pictures are taken as they are needed, so there may be any number of them. One that is refused, or cannot
        be read, does not keep the others. `partition` and `metadata` are for all that bring none of their own.

        Raises:
            ClientError: what no other picture would be spared: the API stays away, or the key does not allow it.

        Example:
            >>> pictures = [Upload("cat.jpg", key="sku-1"), Upload("kitten.jpg", key="sku-2")]
            >>> for uploaded in client.add_images("photos", pictures, partition="anna"):
            ...     if uploaded.error is not None:
            ...         print(uploaded.picture, uploaded.error)
        """

        def add(upload: Upload) -> Uploaded:
            try:
                written = self.add_image(
                    collection,
                    upload.picture,
                    partition=upload.partition,
                    metadata=upload.metadata,
                    key=upload.key,
                )
            except (ClientError, OSError) as error:
                if concerns_all(error):
                    raise
                return Uploaded(upload.picture, None, error)
            return Uploaded(upload.picture, written)

        with closing(in_parallel(add, uploads_of(images, partition, metadata), parallel)) as ended:
            for uploaded in ended:
                yield uploaded

    def images(
        self,
        collection: str,
        *,
        partition: str | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the API's own name
        key: str | None = None,
    ) -> Iterator[Image]:
        """Iterate over indexed pictures: of a collection, a partition or a key, or those that a filter matches.

        Example:
            >>> for image in client.images("photos", partition="anna"):
            ...     print(image.id, image.path)
            1 /photos/cat.jpg
            2 /photos/kitten.jpg
            3 /photos/lion.jpg
        """
        where = None if filter is None else json.dumps(dict(filter))
        params = given(partition=partition, filter=where, key=key)
        return self._pages(f"{collection_path(collection)}/images", Image.parse, params)

    def find_images(
        self, collection: str, digests: Sequence[str], *, partition: str | None = None
    ) -> Iterator[Image]:
        """Iterate over the images that were uploaded with these contents, which SHA-256 digests in hex name.

        Those of one partition are looked for, as an upload goes there: without one, those that have none.
        """
        path = f"{collection_path(collection)}/images/find"
        for begin in range(0, len(digests), MAX_DIGESTS):
            body = given(sha256=list(digests[begin : begin + MAX_DIGESTS]), partition=partition)
            page = Fields(self._connection.json("POST", path, Retry.SAFE, json=body), "a list")
            for item in page.items("items"):
                yield Image.parse(item)

    def image(self, collection: str, image_id: int) -> ShownImage:
        """Return what is known of one picture."""
        return self._shown(ShownImage.parse, "GET", image_path(collection, image_id), Retry.SAFE)

    def change_image(
        self,
        collection: str,
        image: int | str,
        *,
        metadata: Mapping[str, Any] | Kept | None = KEEP,
        partition: str | None = None,
        key: str | None = None,
        of_partition: str | None = None,
        if_match: str | None = None,
    ) -> WrittenImage:
        """Change a picture that is named by its id, or by its key, which may be one `of_partition`.

        Metadata is merged into what there is (RFC 7396: null removes a key); None removes all of it. The picture
        moves to `partition`, and gets `key`. With `if_match` only the version with that `etag` is changed.

        Example:
            >>> written = client.change_image("photos", "sku-1", metadata={"year": 2021})
            >>> written.image.metadata
            {'year': 2021}
        """
        body = given(partition=partition, key=key)
        if not isinstance(metadata, Kept):
            body["metadata"] = mapped(metadata)
        path, params = named_image(collection, image, of_partition)
        headers = condition(if_match)
        retry = Retry.NEVER if headers else Retry.SAFE
        return self._shown(WrittenImage.parse, "PATCH", path, retry, params=params, json=body, headers=headers)

    def delete_image(
        self,
        collection: str,
        image: int | str,
        *,
        of_partition: str | None = None,
        dry_run: bool = False,
        if_match: str | None = None,
    ) -> None:
        """Delete one picture, named by its id or its key; its file stays, unless it was uploaded.

        A dry run only sees that it is there.
        """
        path, params = named_image(collection, image, of_partition)
        params |= {"dry_run": "true"} if dry_run else {}
        self._connection.send("DELETE", path, Retry.NEVER, params=params, headers=condition(if_match))

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

        Example:
            >>> done = client.delete_images("photos", filter={"lt": ["year", 2021]}, dry_run=True)
            >>> done.deleted
            3
        """
        body = given(
            ids=listed(ids),
            paths=listed(paths),
            keys=listed(keys),
            filter=mapped(filter),
            partition=partition,
            dry_run=dry_run or None,
        )
        path = f"{collection_path(collection)}/images/delete"
        done = Deletion.parse(self._connection.json("POST", path, Retry.NEVER, json=body))
        while done.next is not None:
            going_on = {**body, "cursor": done.next}
            more = Deletion.parse(self._connection.json("POST", path, Retry.NEVER, json=going_on))
            done = Deletion(done.deleted + more.deleted, done.missing, more.next)
        return done

    def image_file(self, image_id: int) -> bytes:
        """Return the bytes of one picture's file."""
        answer = self._connection.send("GET", f"/api/v2/images/{image_id:d}/file", Retry.SAFE)
        return answer.content

    def thumbnail(self, image_id: int, size: int = 256) -> bytes:
        """Return a small version of one picture as a JPEG; `size` is 64 to 512 pixels."""
        path, params = f"/api/v2/images/{image_id:d}/thumbnail", {"size": str(size)}
        headers = {"Accept": "image/jpeg"}
        answer = self._connection.send("GET", path, Retry.SAFE, params=params, headers=headers)
        return answer.content
