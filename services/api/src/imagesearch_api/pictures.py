"""Read and decode pictures as soon as there is memory for them: the API's only way to pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

from imagesearch.access.tenants import Tenancy
from imagesearch.catalog.images import Image
from imagesearch.files.paths import facts_of, open_stored, read_file
from imagesearch.files.roots import Roots
from imagesearch.pictures import decode, thumbnails
from imagesearch.pictures.decode import Picture
from imagesearch.pictures.regions import Region
from imagesearch.pictures.thumbnails import ThumbnailFormat
from imagesearch.pipeline import Preprocessing
from imagesearch.settings import PictureSettings
from imagesearch_api.memory import Memory
from imagesearch_api.thumbnail_cache import ThumbnailCache, ThumbnailKey


class FileChanged(Exception):
    """A file holds other bytes than were indexed."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Read and decode pictures.

    Attributes:
        memory: bounds what they take together.
        limits: what is read and decoded at all.
        roots: directories under which files may be read.
        fetch_url: returns what lies at a URL; raises `UrlRefused`.
        max_fetched_bytes: as much as that may be.
        thumbnails: remembers small versions, of all callers.
    """

    memory: Memory
    limits: PictureSettings
    roots: Roots
    fetch_url: Callable[[str], bytes]
    max_fetched_bytes: int
    thumbnails: ThumbnailCache

    def within(self, tenancy: Tenancy) -> Self:
        """Return the same for a key: it reads files of a library only beneath what the key is bound to."""
        return replace(self, roots=tenancy.roots_within(self.roots))

    def decode(
        self, data: bytes, preprocessing: Preprocessing, box: Region | None = None, *, preview: int | None = None
    ) -> Picture:
        """Decode a picture as soon as there is memory for it; `preview` is as `decode.decode` says.

        Raises:
            Busy: there is none in time.
            PictureRejected, InvalidRegion: as `decode.decode` says.
        """
        with ExitStack() as taken:
            admit = partial(self.memory.decoding, taken)
            return decode.decode(data, preprocessing, self.limits, box, preview=preview, admit=admit)

    def require_unchanged(self, image: Image) -> None:
        """Look by its size and its time whether a file is the one that was indexed, and only else at its bytes.

        Raises:
            Busy: there is no memory for them in time.
            FileChanged: it is another one.
            PictureRejected: as `paths.open_stored` and `paths.read_file` say.
        """
        with open_stored(image.path, self.roots) as file:
            stats = facts_of(file)
        if (stats.st_size, stats.st_mtime_ns) != (image.size_bytes, image.mtime_ns):
            # Copying a library, or seeing it through another mount, changes times alone.
            with ExitStack() as taken:
                _require(image, self.read(image.path, taken))

    def read_unchanged(self, image: Image, taken: ExitStack) -> bytes:
        """Return the bytes of an image's file as `read` does, if they are those that were indexed.

        Raises:
            Busy, PictureRejected: as `read` says.
            FileChanged: they are others.
        """
        data = self.read(image.path, taken)
        _require(image, data)
        return data

    def thumbnail(self, image: Image, size: int, file_format: ThumbnailFormat) -> bytes:
        """Return a small version of the file that was indexed, from the cache or made as soon as there is memory.

        Raises:
            Busy: there is none in time.
            FileChanged: the file holds something else by now.
            PictureRejected: as `thumbnails.thumbnail` says.
        """

        def make() -> bytes:
            return self._small(image, size, file_format, is_indexed=True)

        return self.thumbnails.get(ThumbnailKey(f"{image.sha256}", size, file_format), make)

    def changed_thumbnail(self, image: Image, size: int, file_format: ThumbnailFormat) -> bytes:
        """Return a small version of a file, whatever it holds by now; it is not remembered.

        Raises:
            Busy, PictureRejected: as `thumbnail` says.
        """
        return self._small(image, size, file_format, is_indexed=False)

    def _small(self, image: Image, size: int, file_format: ThumbnailFormat, *, is_indexed: bool) -> bytes:
        with ExitStack() as taken:
            data = self.read(image.path, taken)
            if is_indexed:
                _require(image, data)
            admit = partial(self.memory.decoding, taken)
            return thumbnails.thumbnail(data, size, self.limits, file_format, admit=admit)

    def read(self, path: str, taken: ExitStack) -> bytes:
        """Return the bytes of a file; what they take is held until `taken` closes.

        Raises:
            Busy: there is no memory for them in time.
            PictureRejected: as `paths.read_file` says.
        """

        def admit(size: int) -> None:
            taken.enter_context(self.memory.files.reserved(size))

        return read_file(path, self.roots, self.limits, admit=admit)[0]

    def fetch(self, url: str, taken: ExitStack) -> bytes:
        """Return what lies at a URL; as much as it may hold is held until `taken` closes.

        Raises:
            Busy: there is no memory for it in time.
            UrlRefused: the URL may not be fetched, or does not answer with a file.
        """
        taken.enter_context(self.memory.files.reserved(self.max_fetched_bytes))
        return self.fetch_url(url)


def _require(image: Image, data: bytes) -> None:
    """Check that a file holds what was indexed; raises `FileChanged`."""
    if hashlib.sha256(data).hexdigest() != image.sha256:
        raise FileChanged
