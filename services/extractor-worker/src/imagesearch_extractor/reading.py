"""Read and decode a batch's pictures on a few threads, ahead of the network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, TypeAlias

import structlog

from imagesearch.contract import ExtractBatch, ExtractedImage, ExtractItem, FailedImage, Pixels, UnchangedImage
from imagesearch.errors import PictureRejected, TransientError
from imagesearch.failures import FailureCode
from imagesearch.files.facts import mtime_ns
from imagesearch.files.paths import read_file
from imagesearch.files.roots import Roots
from imagesearch.metrics import STAGE_SECONDS
from imagesearch.photo_facts import Fact
from imagesearch.pictures import exif_facts
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import Preprocessing
from imagesearch.retry import retry_transient
from imagesearch.settings import PictureSettings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """Hold a picture that is ready for the network.

    Attributes:
        image: what the indexer will be told of it.
        pixels: uint8[side, side, 3].
    """

    image: ExtractedImage
    pixels: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Hold what is asked of all pictures of a batch."""

    preprocessing: Preprocessing
    roots: Roots
    facts: tuple[Fact, ...]
    stopping: Event

    def facts_of(self, data: bytes) -> dict[str, Any] | None:
        return exif_facts.read(data, self.facts) if self.facts else None


Reading: TypeAlias = DecodedImage | UnchangedImage | FailedImage


class PictureReader:
    """Read pictures under the allowed roots.

    All batches of a process share its threads, so that no more pictures are in memory as files or at full size
    than there are threads. A picture that waits for the network holds 150 KB.
    """

    def __init__(self, roots: Roots, limits: PictureSettings, threads: int) -> None:
        self._roots = roots
        self._limits = limits
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="read")

    @contextmanager
    def start(
        self, batch: ExtractBatch, preprocessing: Preprocessing, stopping: Event
    ) -> Iterator[list[Future[Reading]]]:
        """Begin to read a batch in the background, and cancel what is still unread at the end of the block.

        A picture in an object store that does not answer is waited for until `stopping` is set; then its reading
        raises `StoreUnavailable`.
        """
        roots = self._roots if batch.bound_roots is None else self._roots.within(batch.bound_roots)
        asked = _Asked(preprocessing, roots, batch.facts, stopping)
        readings = [self._pool.submit(self._read, item, asked) for item in batch.items]
        try:
            yield readings
        finally:
            for reading in readings:
                reading.cancel()

    def close(self) -> None:
        """End the threads once each has finished its picture."""
        self._pool.shutdown(cancel_futures=True)

    def _read(self, item: ExtractItem, asked: _Asked) -> Reading:
        try:
            return self._read_or_raise(item, asked)
        except PictureRejected as rejected:
            return _failed(item, rejected.code, rejected.reason)
        except TransientError:
            # The picture is as good as it was: another worker reads it.
            raise
        except MemoryError:
            return _failed(item, FailureCode.TOO_LARGE, "the picture needs more memory than there is")
        except Exception as error:
            # The decoder turns every failure that it knows into PictureRejected. An unknown one must still cost
            # this picture alone; the log has its stack.
            log.exception("picture.unexpected_error", image_id=item.image_id)
            reason = f"reading the picture failed in an unknown way ({type(error).__name__})"
            return _failed(item, FailureCode.UNREADABLE, reason)

    def _read_or_raise(self, item: ExtractItem, asked: _Asked) -> Reading:
        with STAGE_SECONDS.labels("read").time():
            data, stats = retry_transient(
                lambda: read_file(item.path, asked.roots, self._limits), asked.stopping, doing="reading an upload"
            )
        if item.known_sha256 is not None and hashlib.sha256(data).hexdigest() == item.known_sha256:
            return UnchangedImage(
                image_id=item.image_id,
                sha256=item.known_sha256,
                size_bytes=stats.st_size,
                mtime_ns=mtime_ns(stats),
                expected_version=item.expected_version,
                facts=asked.facts_of(data),
            )
        with STAGE_SECONDS.labels("decode").time():
            picture = decode(data, asked.preprocessing, self._limits)
        described = ExtractedImage(
            image_id=item.image_id,
            sha256=picture.sha256,
            size_bytes=stats.st_size,
            mtime_ns=mtime_ns(stats),
            width=picture.width,
            height=picture.height,
            format=picture.format,
            expected_version=item.expected_version,
            facts=asked.facts_of(data),
        )
        return DecodedImage(described, picture.pixels)


def _failed(item: ExtractItem, code: FailureCode, reason: str) -> FailedImage:
    return FailedImage(item.image_id, code, reason, item.expected_version)
