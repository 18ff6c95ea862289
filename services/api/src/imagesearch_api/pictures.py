"""Read and decode pictures as soon as there is memory for them: the API's only way to pixels."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from imagesearch.files.paths import read_file
from imagesearch.pictures import decode as decode_module
from imagesearch.pictures import thumbnails
from imagesearch.pictures.decode import Picture
from imagesearch.pictures.regions import Region
from imagesearch.pictures.thumbnails import ThumbnailFormat
from imagesearch.pipeline import Preprocessing
from imagesearch_api.composition import Services


def decode(services: Services, data: bytes, preprocessing: Preprocessing, box: Region | None = None) -> Picture:
    """Decode a picture as soon as there is memory for it.

    Raises:
        Busy: there is none in time.
        PictureRejected, InvalidRegion: as `imagesearch.pictures.decode.decode` says.
    """
    with ExitStack() as taken:
        admit = partial(services.memory.decoding, taken)
        return decode_module.decode(data, preprocessing, services.limits, box, admit=admit)


def thumbnail(services: Services, data: bytes, size: int, file_format: ThumbnailFormat) -> bytes:
    """Return a small version of a picture, made as soon as there is memory for it.

    Raises:
        Busy: there is none in time.
        PictureRejected: as `imagesearch.pictures.thumbnails.thumbnail` says.
    """
    with ExitStack() as taken:
        admit = partial(services.memory.decoding, taken)
        return thumbnails.thumbnail(data, size, services.limits, file_format, admit=admit)


def read(services: Services, path: str, taken: ExitStack) -> bytes:
    """Return the bytes of a file; memory for them is reserved until `taken` closes.

    Raises:
        Busy: there is no memory for them in time.
        PictureRejected: as `imagesearch.files.paths.read_file` says.
    """

    def admit(size: int) -> None:
        taken.enter_context(services.memory.files.reserved(size))

    return read_file(path, services.roots, services.limits, admit=admit)[0]


def fetch(services: Services, url: str, taken: ExitStack) -> bytes:
    """Return what lies at a URL; memory for the largest answer is reserved until `taken` closes.

    Raises:
        UrlRefused: the URL may not be fetched, or does not answer with a file.
        Busy: there is no memory for it in time.
    """
    taken.enter_context(services.memory.files.reserved(services.settings.max_upload_bytes))
    return services.fetch(url)
