"""A library that many use at once, and what they may rely on whatever happens to the stack."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import httpx
import structlog

from support.drawing import encoded, photo_like
from support.faults.living import Living

SIZE = (96, 72)
NAME = "shared"
ASK_SECONDS = 60.0
"""Longer than the longest freeze: an answer that comes late is still an answer."""
log = structlog.get_logger()


@dataclass
class SharedLibrary:
    """Hold pictures on a disk, the collection of them, and what its users were told.

    Attributes:
        calm: pictures that nobody touches.
        labelled: pictures of which only labels change.
        moving: a directory in which files come, change and go.
        staging: where files are written before they appear.
        deleted: ids of images whose deletion was acknowledged.
        complaints: what was answered and must not be.
    """

    stack: Living
    root: Path
    staging: Path
    seed: int
    calm: list[Path] = field(default_factory=list)
    labelled: list[Path] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    ending: Event = field(default_factory=Event)
    _drawn: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def moving(self) -> Path:
        return self.root / "moving"

    def lay_out(self, *, calm: int, labelled: int, moving: int) -> None:
        """Draw the pictures that are there at the beginning."""
        for folder in (self.root / "calm", self.root / "labelled", self.moving, self.staging):
            folder.mkdir(parents=True)
        self.calm = [self.root / "calm" / f"{index:03}.jpg" for index in range(calm)]
        self.labelled = [self.root / "labelled" / f"{index:03}.jpg" for index in range(labelled)]
        for path in (*self.calm, *self.labelled, *(self.moving / f"{index:03}.jpg" for index in range(moving))):
            self.put(path, self.draw())

    def draw(self) -> bytes:
        """Return the bytes of a picture that was never there before."""
        with self._lock:
            self._drawn += 1
            number = 1_000_000 * (self.seed % 1_000) + self._drawn
        return encoded(photo_like(number, SIZE))

    def put(self, path: Path, data: bytes) -> None:
        """Have a file appear or change at once, as a whole."""
        beside = self.staging / f"{path.parent.name} {path.name}"
        beside.write_bytes(data)
        beside.replace(path)

    def complain(self, what: str) -> None:
        """Record what must not be."""
        with self._lock:
            log.error("complaint", what=what)
            self.complaints.append(what)

    def count(self, what: str) -> None:
        """Count what happened, so that a test sees that it did."""
        with self._lock:
            self.answers[what] = self.answers.get(what, 0) + 1


@dataclass
class User:
    """One who uses a shared library, on a thread of their own.

    Attributes:
        pick: draws what they do; the seed of the library and their name repeat it.
    """

    library: SharedLibrary
    name: str

    def __post_init__(self) -> None:
        self.pick = random.Random(f"{self.library.seed} {self.name}")  # noqa: S311 - moments, not secrets
        self.http = httpx.Client(base_url=self.library.stack.http.base_url, timeout=ASK_SECONDS)

    def ask(self, method: str, url: str, allowed: Iterable[int], **content: Any) -> httpx.Response | None:
        """Return an answer; None where there was none, or none but that a store is away: it may be done or not.

        Every other status than those that are allowed is complained of.
        """
        path = url.replace("{}", f"/api/v2/collections/{NAME}")
        try:
            answer = self.http.request(method, path, **content)
        except httpx.TransportError:
            self.library.count(f"{self.name}: no answer")
            return None
        self.library.count(f"{self.name}: {method} {answer.status_code}")
        if answer.status_code == 503 and "Retry-After" in answer.headers:
            return None
        if answer.status_code not in allowed:
            self.library.complain(f"{self.name}: {method} {path}: {answer.status_code} {answer.text[:300]}")
            return None
        return answer


class Crowd:
    """Run users on threads until told to end, and join them."""

    def __init__(self, library: SharedLibrary) -> None:
        self._library = library
        self._threads: list[Thread] = []

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.ending.set()
        for thread in self._threads:
            thread.join()

    def join_in(self, user: User, act: Callable[[], None], *, pause: float) -> None:
        """Have a user act again and again, with pauses of so many seconds on average."""

        def live() -> None:
            while not self._library.ending.is_set():
                try:
                    act()
                except Exception as error:  # noqa: BLE001 - a thread that dies must fail the test
                    self._library.complain(f"{user.name}: {type(error).__name__}: {error}")
                self._library.ending.wait(user.pick.uniform(0, 2 * pause))
            user.http.close()

        thread = Thread(target=live, name=user.name)
        thread.start()
        self._threads.append(thread)


def readable_files(folder: Path) -> list[Path]:
    """Return the files below a folder that begin as a JPEG."""
    found = []
    for parent, _, names in os.walk(folder):
        found += [Path(parent) / name for name in names]
    return sorted(path for path in found if path.read_bytes()[:2] == b"\xff\xd8")
