"""Send files in parallel, those alone whose content is not there yet; what is in hand is bounded."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from queue import Queue
from threading import Event, Lock, Thread
from typing import Any, Protocol

from imagesearch_client.answers import Image, WrittenImage
from imagesearch_client.errors import ApiError
from imagesearch_client.folder_upload.delivery import ABOUT_A_FIELD, Delivery, Outcome, is_about_one_file
from imagesearch_client.folder_upload.reading import Unusable, bytes_of, digest_of
from imagesearch_client.folder_upload.walk import LocalFile, Loss

PARALLEL = 4
FIRST_TAKEN, MAX_TAKEN = 4, 64
"""Files that a thread asks about at once: few at first, so that a small folder is shared out, then more."""
MAX_WAITING = 256
"""Deliveries that nobody has looked at; then no more is sent."""


_Claim = Future[Delivery | None]
"""Tells those who have the same content what became of it; None where they have to see for themselves."""
_Claimed = tuple[LocalFile, str, _Claim]


class Api(Protocol):
    """What is asked of a `Client`."""

    def find_images(
        self, collection: str, digests: Sequence[str], *, partition: str | None = None
    ) -> Iterable[Image]:
        """Return what was uploaded with these contents."""

    def add_image(
        self,
        collection: str,
        image: bytes,
        *,
        partition: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> WrittenImage:
        """Upload a picture."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Say where pictures go, and what is said about each.

    Attributes:
        name_field: the field of the metadata that gets a file's path below its folder; None keeps it nowhere.
    """

    collection: str = "default"
    partition: str | None = None
    metadata: Mapping[str, Any] | None = None
    name_field: str | None = None

    def metadata_of(self, file: LocalFile) -> dict[str, Any] | None:
        """Return the metadata of a file.

        Raises:
            Unusable: its path is to be in it, and is no text.
        """
        if self.name_field is None:
            return dict(self.metadata) if self.metadata else None
        try:
            file.name.encode()
        except UnicodeEncodeError:
            raise Unusable("unsupported_name", "its name is not valid UTF-8") from None
        return {**(self.metadata or {}), self.name_field: file.name}


class Stopped(Exception):
    """Somebody wants no more."""


class Stop:
    """Tell threads to end, also those that pause."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        """Have every thread end with what it has in hand."""
        self._event.set()

    def check(self) -> None:
        """Raise Stopped where no more is wanted."""
        if self._event.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        """Let time pass. Raises Stopped as soon as no more is wanted."""
        if self._event.wait(seconds):
            raise Stopped


class FolderUpload:
    """Send files to one collection, each content once.

    The API says by digest what it has, so a run that is cut short is gone on with by another one, and one after
    which nothing changed sends nothing.
    """

    def __init__(
        self,
        api: Api,
        labels: Labels,
        *,
        max_bytes: int | None = None,
        parallel: int = PARALLEL,
        stop: Stop | None = None,
    ) -> None:
        """Send nothing yet.

        Args:
            api: where to; its methods are called by several threads.
            labels: what is said about the pictures.
            max_bytes: of one file; larger ones are not sent.
            parallel: threads, each of which holds one file in memory.
            stop: ends the run early.
        """
        self._api = api
        self._labels = labels
        self._max_bytes = max_bytes
        self._parallel = parallel
        self._stop = stop or Stop()
        self._lock = Lock()
        self._error: Exception | None = None
        self._claims: dict[str, _Claim] = {}

    def run(self, files: Iterable[LocalFile | Loss]) -> Generator[Delivery]:
        """Yield what became of each file, in no order, until all are done or the run is stopped; run once.

        Raises:
            ApiError: the API refuses what it would refuse for every file; Unavailable: it is away for too long.
        """
        source, results = iter(files), Queue[Delivery | None](MAX_WAITING)
        threads = [
            # An interpreter that is told to end for the second time waits for none of them.
            Thread(target=self._work, args=(source, results), name=f"upload-{number}", daemon=True)
            for number in range(self._parallel)
        ]
        for thread in threads:
            thread.start()
        running = len(threads)
        try:
            while running:
                delivery = results.get()
                if delivery is None:
                    running -= 1
                else:
                    yield delivery
        finally:
            self._stop.set()
            # A thread that waits for room in the queue gets it, and ends.
            while running:
                running -= results.get() is None
            for thread in threads:
                thread.join()
        if self._error is not None:
            raise self._error

    def _work(self, source: Iterator[LocalFile | Loss], results: Queue[Delivery | None]) -> None:
        size = FIRST_TAKEN
        try:
            while files := self._take(source, size):
                size = min(2 * size, MAX_TAKEN)
                for delivery in self._deliver(files):
                    results.put(delivery)
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits for the results
            with self._lock:
                self._error = self._error or error
            self._stop.set()
        finally:
            results.put(None)

    def _take(self, source: Iterator[LocalFile | Loss], size: int) -> list[LocalFile | Loss]:
        self._stop.check()
        with self._lock:
            return [file for _, file in zip(range(size), source, strict=False)]

    def _deliver(self, files: Iterable[LocalFile | Loss]) -> Iterator[Delivery]:
        digests: list[tuple[LocalFile, str]] = []
        for file in files:
            self._stop.check()
            if isinstance(file, Loss):
                yield _failed(file.path, file.code, file.reason)
                continue
            try:
                digest = digest_of(file.path, max_bytes=self._max_bytes, follow_link=file.is_link)
            except Unusable as error:
                yield _failed(file.path, error.code, str(error))
            else:
                digests.append((file, digest))
        while digests:
            digests = yield from self._settle(digests)

    def _settle(
        self, digests: list[tuple[LocalFile, str]]
    ) -> Generator[Delivery, None, list[tuple[LocalFile, str]]]:
        """Yield what became of files, and return those that are to be tried again.

        A content is claimed before the API is asked whether it has it, so that no two threads send it.
        """
        mine, others = self._claim(digests)
        claims = {digest: claim for _, digest, claim in mine}
        try:
            there = self._there(list(claims))
            for file, digest, claim in mine:
                self._stop.check()
                delivery, told = self._delivered(file, digest, there.get(digest))
                self._release(digest, claim, told)
                del claims[digest]
                yield delivery
        finally:
            # Whatever happens here, nobody waits for ever.
            for digest, claim in claims.items():
                self._release(digest, claim, None)
        again = []
        # Only now: whoever waits has nothing in hand that others wait for.
        for file, digest, claim in others:
            found = claim.result()
            if found is None:
                again.append((file, digest))
            else:
                outcome = Outcome.UNCHANGED if found.outcome is Outcome.SENT else found.outcome
                yield replace(found, path=file.path, outcome=outcome)
        return again

    def _claim(self, digests: list[tuple[LocalFile, str]]) -> tuple[list[_Claimed], list[_Claimed]]:
        mine: list[_Claimed] = []
        others: list[_Claimed] = []
        with self._lock:
            for file, digest in digests:
                held = self._claims.get(digest)
                claim: _Claim = held or Future()
                self._claims[digest] = claim
                (mine if held is None else others).append((file, digest, claim))
        return mine, others

    def _release(self, digest: str, claim: _Claim, told: Delivery | None) -> None:
        with self._lock:
            del self._claims[digest]
        claim.set_result(told)

    def _delivered(self, file: LocalFile, digest: str, image_id: int | None) -> tuple[Delivery, Delivery | None]:
        """Return what became of a file, and that again where it holds for every file of its content."""
        if image_id is not None:
            there = Delivery(file.path, Outcome.UNCHANGED, image_id)
            return there, there
        try:
            delivery = self._send(file, digest)
        except Unusable as error:
            return _failed(file.path, error.code, str(error)), None
        return delivery, None if delivery.code == ABOUT_A_FIELD else delivery

    def _there(self, digests: list[str]) -> dict[str, int]:
        if not digests:
            return {}
        labels = self._labels
        found = self._api.find_images(labels.collection, digests, partition=labels.partition)
        return {image.sha256: image.id for image in found if image.sha256 is not None}

    def _send(self, file: LocalFile, digest: str) -> Delivery:
        labels = self._labels
        metadata = labels.metadata_of(file)
        data = bytes_of(file.path, max_bytes=self._max_bytes, follow_link=file.is_link, sha256=digest)
        try:
            written = self._api.add_image(labels.collection, data, partition=labels.partition, metadata=metadata)
        except ApiError as error:
            if not is_about_one_file(error):
                raise
            return _failed(file.path, error.code or str(error.status), str(error))
        return Delivery(file.path, Outcome.SENT, written.image.id)


def _failed(path: str, code: str, reason: str) -> Delivery:
    return Delivery(path, Outcome.FAILED, None, code, reason)
