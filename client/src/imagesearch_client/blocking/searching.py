# Made of asynchronous/searching.py by `make client`: change that.
"""The client's methods that search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imagesearch_client.blocking.calls import Calls
from imagesearch_client.blocking.concurrency import in_thread
from imagesearch_client.examples import Examples
from imagesearch_client.fields import Fields
from imagesearch_client.patience import Retry
from imagesearch_client.pictures import Part, Picture, read_picture
from imagesearch_client.queries import Box, Query, Shape, box_text
from imagesearch_client.requests import BATCH_TIMEOUT, collection_path
from imagesearch_client.results import Embeddings, SearchResult


class Searching(Calls):
    """Search collections; a part of `Client`."""

    def search(
        self,
        collection: str,
        image: Picture | Query | Examples,
        top_k: int | None = None,
        *,
        box: Box | None = None,
        page: int | None = None,
        page_size: int | None = None,
        max_distance: float | None = None,
        include: Sequence[str] | None = None,
        partition: str | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the API's own name
        explain: str | None = None,
        exclude_self: bool = False,
        group_by: str | None = None,
    ) -> SearchResult:
        """Return the pictures of a collection that look most like this one, nearest first.

        Args:
            collection: its name or alias.
            image: a picture, a `Query` by something else, or `Examples`.
            top_k: how many; 10 unless pages are asked for.
            box: the part of the picture to search by; a `Query` has its own.
            page: which page, from 1.
            page_size: results of one page.
            max_distance: leaves out what is farther away, 0..1.
            include: metadata, size, thumbnail, vector; metadata alone unless given.
            partition: only pictures of this user, tenant or album.
            filter: only pictures whose metadata matches, such as ``{"eq": ["colour", "red"]}``.
            group_by: ``partition`` or a field of the metadata: only the nearest picture of each of its values.
            exclude_self: leaves out the indexed picture that a `Query` is by.
            explain: ``regions`` or ``picture`` tells where the similarity comes from, of one result alone;
                ``plan`` how the search was done.

        Raises:
            OSError: the picture's file cannot be read.

        Example:
            >>> found = client.search("photos", "cat.jpg", top_k=2, filter={"eq": ["year", 2020]})
            >>> for result in found:
            ...     print(f"{result.distance:.2f} {result.path}")
            0.00 /photos/cat.jpg
            0.21 /photos/kitten.jpg
            >>> found = client.search("photos", Query(image_id=1), exclude_self=True)
        """
        shape = Shape(
            top_k=top_k,
            page=page,
            page_size=page_size,
            max_distance=max_distance,
            include=include,
            partition=partition,
            filter=filter,
            explain=explain,
            group_by=group_by,
            exclude_self=exclude_self,
        )
        path = f"{collection_path(collection)}/search"
        if isinstance(image, Examples):
            sent = in_thread(image.to_request, shape)
        elif isinstance(image, Query):
            sent = {"json": {**image.to_json(), **shape.to_json()}}
        else:
            form = shape.to_form() | ({"box": box_text(box)} if box is not None else {})
            sent = {"files": self._parts([image]), "data": form}
        return SearchResult.parse(self._connection.json("POST", path, Retry.RESET, **sent))

    def search_many(
        self, collection: str, images: Sequence[Picture] | Sequence[Query], shape: Shape | None = None
    ) -> list[SearchResult]:
        """Return the answers to several searches at once, up to 64: pictures share one forward pass.

        Raises:
            OSError: a picture's file cannot be read.
            TypeError: pictures and queries are mixed.

        Example:
            >>> both = client.search_many("photos", [Query(image_id=1), Query(key="sku-3")], Shape(top_k=2))
            >>> [len(found) for found in both]
            [2, 1]
        """
        shape, path = shape or Shape(), f"{collection_path(collection)}/search"
        queries = [image for image in images if isinstance(image, Query)]
        if queries and len(queries) < len(images):
            raise TypeError("pictures and queries cannot be searched by at once")
        sent: dict[str, Any]
        if queries:
            sent = {"json": {"queries": [query.to_json() for query in queries], **shape.to_json()}}
        else:
            pictures = [image for image in images if not isinstance(image, Query)]
            sent = {"files": self._parts(pictures), "data": shape.to_form()}
        answer = self._connection.json("POST", path, Retry.RESET, timeout=BATCH_TIMEOUT, **sent)
        fields = Fields(answer, "a batch of searches")
        if "queries" not in fields:
            # A batch of one picture is a search like any other.
            return [SearchResult.parse(answer)]
        took = fields.mapping("took_ms")
        return [SearchResult.parse({**dict(query), "took_ms": took}) for query in fields.items("queries")]

    def embed(self, collection: str, images: Sequence[Picture]) -> Embeddings:
        """Return the vectors that up to 64 pictures would have in a collection; nothing is stored.

        Raises:
            OSError: a picture's file cannot be read.

        Example:
            >>> embedded = client.embed("photos", ["cat.jpg"])
            >>> embedded.model, embedded.to_numpy().shape
            ('vgg16-max-512:ab', (1, 2))
        """
        parts, path = self._parts(images), f"{collection_path(collection)}/embed"
        answer = self._connection.json("POST", path, Retry.RESET, files=parts, timeout=BATCH_TIMEOUT)
        return Embeddings.parse(answer)

    def _parts(self, images: Sequence[Picture]) -> list[tuple[str, Part]]:
        return [("image", in_thread(read_picture, image)) for image in images]
