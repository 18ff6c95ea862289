"""The port to an object store: whole objects under keys, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """Say of an object what a file system says of a file, under the same names.

    Attributes:
        st_size: in bytes.
        st_mtime_ns: when it was written, by the store's clock, in nanoseconds since the epoch.
    """

    st_size: int
    st_mtime_ns: int


class ObjectStore(Protocol):
    """Keep objects. Keys are relative to a place of its own.

    Every call raises `StoreUnavailable` where the store does not answer in time, refuses, or has no such place:
    nothing is taken for missing but what the store has looked for.
    """

    def put(self, key: str, data: bytes) -> None:
        """Write an object wholly or not at all."""

    def get(self, key: str, start: int, count: int) -> bytes:
        """Return so many bytes of an object, fewer at its end; raises `FileNotFoundError`, with its `errno`."""

    def delete(self, keys: Sequence[str]) -> None:
        """Remove up to 1,000 objects; one that is not there is no error."""

    def facts(self, key: str) -> ObjectFacts | None:
        """Return what is known of an object; None where there is none."""

    def listed(self, prefix: str) -> Iterator[tuple[str, ObjectFacts]]:
        """Yield the objects whose keys begin so, in the order of their keys, reading a page at a time."""

    def folders(self) -> set[str]:
        """Return what keys begin with, up to their first slash."""
