"""Fetch exports into directories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imagesearch_client.blocking.client import Client
from imagesearch_client.exports import ExportFolder, ExportPart


def download_export(
    client: Client,
    job_id: str,
    directory: str | Path,
    on_part: Callable[[ExportPart, int], None] | None = None,
) -> list[Path]:
    """Fetch the files of an export into a directory, and return their paths.

    A file that is there already with the right digest is not fetched again, so that a second call goes on where
    the first one was cut off. What describes the export is written last, as ``manifest.json``.

    Args:
        client: of the API that has the export.
        job_id: the job that made it.
        directory: made unless it is there.
        on_part: told each part that is there, and of how many.

    Raises:
        OSError: the directory cannot be written to.
        ClientError: as calls of the client do, and where a file is not what its digest says.
    """
    made, folder, parts = client.export_of_job(job_id), ExportFolder(directory), []
    for part in client.export_parts(job_id):
        if not folder.holds(part):
            folder.keep(part, client.export_part(job_id, part.number))
        parts.append(part)
        if on_part is not None:
            on_part(part, made.parts)
    folder.describe(made, parts)
    return [folder.path_of(part) for part in parts]
