"""The client's methods that take vectors out: exports of collections, and their files."""

from __future__ import annotations

from collections.abc import AsyncIterator

from imagesearch_client.asynchronous.jobs import AsyncJobCalls, AsyncJobHandle
from imagesearch_client.exports import Export, ExportPart
from imagesearch_client.patience import Retry
from imagesearch_client.requests import collection_path, given, job_path, key_header


class AsyncExportCalls(AsyncJobCalls):
    """Take vectors out; a part of `AsyncClient`."""

    async def export(
        self, collection: str, *, partition: str | None = None, callback_url: str | None = None
    ) -> AsyncJobHandle:
        """Submit a job that writes a collection, or one partition of it, to Parquet files on the server."""
        body = given(partition=partition, callback_url=callback_url)
        path = f"{collection_path(collection)}/exports"
        return self._handle(await self._connection.json("POST", path, Retry.SAFE, json=body, headers=key_header()))

    async def export_of_job(self, job_id: str) -> Export:
        """Return what a job has exported."""
        return Export.parse(await self._connection.json("GET", f"{job_path(job_id)}/export", Retry.SAFE))

    def export_parts(self, job_id: str) -> AsyncIterator[ExportPart]:
        """Iterate over the files of an export; `download_export` fetches all of them."""
        return self._pages(f"{job_path(job_id)}/export/parts", ExportPart.parse)

    async def export_part(self, job_id: str, number: int) -> bytes:
        """Return the bytes of one file of an export, some 35 MB."""
        path = f"{job_path(job_id)}/export/parts/{number:d}"
        return (await self._connection.send("GET", path, Retry.SAFE)).content

    async def delete_export(self, job_id: str) -> None:
        """Remove the files of an export from the server; the collection stays as it is."""
        await self._connection.send("DELETE", f"{job_path(job_id)}/export", Retry.SAFE)
