"""Many pictures to be uploaded at once: what each is labelled with, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imagesearch_client.answers import WrittenImage
from imagesearch_client.errors import ApiError, ClientError
from imagesearch_client.folder_upload.delivery import is_about_one_file
from imagesearch_client.pictures import Picture

PARALLEL = 8
"""Uploads in flight at once: as many as a process of the API takes changes, `MAX_CHANGES`."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Name a picture to be uploaded, with labels of its own.

    Example:
        >>> labelled = Upload("cat.jpg", partition="anna", metadata={"year": 2020}, key="sku-1")
        >>> [each.written.image.id for each in client.add_images("photos", [labelled])]
        [1]
    """

    picture: Picture
    partition: str | None = None
    metadata: Mapping[str, Any] | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Tell what became of one picture."""

    picture: Picture
    """What was given."""
    written: WrittenImage | None
    """None where it was refused, or could not be read."""
    error: ClientError | OSError | None = None
    """Why not."""


def uploads_of(
    pictures: Iterable[Picture | Upload], partition: str | None, metadata: Mapping[str, Any] | None
) -> Iterator[Upload]:
    """Yield each picture with its labels; those that it has itself come before those of all."""
    for one in pictures:
        upload = one if isinstance(one, Upload) else Upload(one)
        labels = (
            None
            if metadata is None and upload.metadata is None
            else {**(metadata or {}), **(upload.metadata or {})}
        )
        yield Upload(upload.picture, upload.partition or partition, labels, upload.key)


def concerns_all(error: ClientError | OSError) -> bool:
    """Tell whether an upload failed for a reason that no other picture would be spared."""
    if isinstance(error, ApiError):
        return not is_about_one_file(error)
    return isinstance(error, ClientError)
