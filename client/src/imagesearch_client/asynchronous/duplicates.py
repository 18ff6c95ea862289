"""The client's methods that compare pictures: duplicates within a collection, and two with each other."""

from __future__ import annotations

from collections.abc import AsyncIterator

from imagesearch_client.asynchronous.concurrency import in_thread
from imagesearch_client.asynchronous.jobs import AsyncJobCalls, AsyncJobHandle
from imagesearch_client.duplicates import Comparison, DuplicateGroup
from imagesearch_client.fields import Fields
from imagesearch_client.patience import Retry
from imagesearch_client.pictures import Part, Picture, read_picture
from imagesearch_client.requests import collection_path, given, job_path, key_header


class AsyncDuplicateGroups(AsyncIterator[DuplicateGroup]):
    """Iterate over groups page by page, asking for each page when the one before has been read.

    Attributes:
        untrained: a network with random weights made the vectors, and the groups mean little; known from the first
            page on.
    """

    def __init__(self, pages: AsyncIterator[Fields]) -> None:
        self.untrained = False
        self._groups = self._read(pages)

    async def __anext__(self) -> DuplicateGroup:
        """Return the next group. Raises what a request raises."""
        return await anext(self._groups)

    async def _read(self, pages: AsyncIterator[Fields]) -> AsyncIterator[DuplicateGroup]:
        async for page in pages:
            self.untrained = page.flag("untrained")
            for group in page.items("items"):
                yield DuplicateGroup.parse(group)


class AsyncComparing(AsyncJobCalls):
    """Compare pictures; a part of `AsyncClient`."""

    def duplicates(
        self, collection: str, *, max_distance: float | None = None, partition: str | None = None
    ) -> AsyncDuplicateGroups:
        """Iterate over groups of like pictures; refused for a large collection, see `find_duplicates`.

        Example:
            >>> async for group in client.duplicates("photos", max_distance=0.05):
            ...     print(group.kind, [image.path for image in group.images])
            near ['/photos/cat.jpg', '/photos/kitten.jpg']
        """
        distance = None if max_distance is None else repr(max_distance)
        params = given(max_distance=distance, partition=partition)
        return AsyncDuplicateGroups(self._read(f"{collection_path(collection)}/duplicates", params))

    async def find_duplicates(
        self,
        collection: str,
        *,
        max_distance: float | None = None,
        partition: str | None = None,
        callback_url: str | None = None,
    ) -> AsyncJobHandle:
        """Submit a job that looks for duplicates, however many pictures there are."""
        body = given(max_distance=max_distance, partition=partition, callback_url=callback_url)
        path = f"{collection_path(collection)}/duplicates"
        return self._handle(await self._connection.json("POST", path, Retry.SAFE, json=body, headers=key_header()))

    def duplicates_of_job(self, job_id: str) -> AsyncDuplicateGroups:
        """Iterate over the groups that a job has found, page by page."""
        return AsyncDuplicateGroups(self._read(f"{job_path(job_id)}/duplicates"))

    async def compare(
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

        Example:
            >>> comparison = await client.compare("cat.jpg", "kitten.jpg", collection="photos")
            >>> comparison.distance, comparison.band
            (0.21, 'similar')
        """
        fields = given(collection=collection, explain=explain)
        if isinstance(a, int) and isinstance(b, int):
            body = {"a": {"image_id": a}, "b": {"image_id": b}, **fields}
            return Comparison.parse(await self._connection.json("POST", "/api/v2/compare", Retry.SAFE, json=body))
        files: dict[str, Part] = {}
        for name, side in (("a", a), ("b", b)):
            if isinstance(side, int):
                fields[name] = str(side)
            else:
                files[name] = await in_thread(read_picture, side)
        return Comparison.parse(
            await self._connection.json("POST", "/api/v2/compare", Retry.RESET, files=files, data=fields)
        )
