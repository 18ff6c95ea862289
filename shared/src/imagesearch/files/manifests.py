"""Read manifests: files that list pictures, each with its own partition, metadata and key.

JSON lines (``.jsonl``, ``.ndjson``) hold an object a line, CSV files (``.csv``) a header and a row a picture;
both know ``path``, ``partition``, ``key`` and ``metadata``, which in CSV is JSON. Paths that are relative begin
at the manifest's own directory. A manifest may be of any length: lines are read one by one, and reading goes on
behind any of them.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

from imagesearch.errors import SourceRejected
from imagesearch.metadata import check_metadata, check_own_key, check_partition, check_storable

T = TypeVar("T")

ENDINGS = {".jsonl": "json", ".ndjson": "json", ".csv": "csv"}
COLUMNS = frozenset({"path", "partition", "metadata", "key"})
MAX_LINE_BYTES = 128 * 1024
"""Longest line, or row of several lines: the longest path and metadata fit, even with every character escaped."""


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one line of a manifest.

    Attributes:
        number: of the line, from 1; of its first line where a row of a CSV file spans several.
        end: offset in bytes behind it.
        last: number of its last line.
        path: absolute; empty where the line is bad.
        error: what is wrong with a bad line.
    """

    number: int
    end: int
    last: int
    path: str = ""
    partition: str | None = None
    metadata: dict[str, Any] | None = None
    key: str | None = None
    error: str = ""


class _Bounded:
    """Hand lines to a CSV reader, and refuse a row that is too long: the reader would gather any number of lines.

    This is no generator, because a generator ends when it raises.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._left = MAX_LINE_BYTES

    def begin_row(self) -> None:
        self._left = MAX_LINE_BYTES

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._left -= len(line)
        if self._left < 0:
            raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")
        return line


class Manifest:
    """Read a manifest line by line."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Read from a file that the caller closes.

        Raises:
            SourceRejected: its name does not say which kind it is.
        """
        self._directory = str(path.parent)
        self._file = file
        self._kind = kind_of(path)
        self._offset = 0
        self._number = 0
        self._is_long = False

    def lines(self, *, offset: int = 0, number: int = 0) -> Iterator[Line]:
        """Yield the lines behind an `end` and `number` of an earlier `Line`; empty lines are passed over.

        Raises:
            SourceRejected: the first line of a CSV file is no header.
        """
        self._file.seek(0)
        columns = self._header() if self._kind == "csv" else []
        if offset:
            self._file.seek(offset)
            self._offset, self._number = offset, number
        yield from self._rows(columns) if self._kind == "csv" else self._objects()

    def _objects(self) -> Iterator[Line]:
        for text in self._text():
            number = self._number
            if not text.strip():
                continue
            try:
                self._check_length()
                yield self._line(number, _from_json(text))
            except ValueError as error:
                yield self._bad(number, str(error))

    def _rows(self, columns: list[str]) -> Iterator[Line]:
        text = _Bounded(self._text())
        reader = csv.reader(text, strict=True)
        while True:
            number = self._number + 1
            text.begin_row()
            try:
                row = next(reader)
                if row:
                    self._check_length()
                    yield self._line(number, _named(columns, row))
            except StopIteration:
                return
            except (csv.Error, ValueError) as error:
                yield self._bad(number, str(error))

    def _header(self) -> list[str]:
        try:
            columns = [name.strip() for name in next(csv.reader(_Bounded(self._text()), strict=True), [])]
        except (csv.Error, ValueError) as error:
            raise SourceRejected("invalid", "the manifest's first line is not a CSV header") from error
        if "path" not in columns or not COLUMNS.issuperset(columns) or len(set(columns)) != len(columns):
            raise SourceRejected(
                "invalid", "the manifest's first line names path, and perhaps partition, metadata and key"
            )
        return columns

    def _text(self) -> Iterator[str]:
        while raw := self._file.readline(MAX_LINE_BYTES + 1):
            self._number += 1
            self._offset += len(raw)
            self._is_long = len(raw) > MAX_LINE_BYTES
            text = "too long" if self._is_long else raw.decode(_codec(self._number), "surrogateescape")
            while len(raw) >= MAX_LINE_BYTES and not raw.endswith(b"\n"):
                raw = self._file.readline(MAX_LINE_BYTES)
                self._offset += len(raw)
            yield text

    def _check_length(self) -> None:
        if self._is_long:
            raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")

    def _line(self, number: int, raw: object) -> Line:
        if not isinstance(raw, dict) or not COLUMNS.issuperset(raw):
            raise ValueError("an object with path, and perhaps partition, metadata and key, is expected")
        path, partition, metadata, key = (raw.get(name) for name in ("path", "partition", "metadata", "key"))
        if not isinstance(path, str) or not path:
            raise ValueError("path: text is expected")
        if partition is not None and not isinstance(partition, str):
            raise ValueError("partition: text is expected")
        if metadata is not None and not isinstance(metadata, dict):
            raise ValueError("metadata: an object is expected")
        if key is not None and not isinstance(key, str):
            raise ValueError("key: text is expected")
        _check("path", check_storable, path)
        _check("partition", check_partition, partition)
        _check("metadata", check_metadata, metadata)
        _check("key", check_own_key, key)
        # Not normalised: behind a link, `..` leads elsewhere than the text says.
        whole = os.path.join(self._directory, path)  # noqa: PTH118 - as walking, without objects
        return Line(number, self._offset, self._number, whole, partition, metadata, key)

    def _bad(self, number: int, error: str) -> Line:
        return Line(number, self._offset, self._number, error=error)


def _check(name: str, check: Callable[[T], T], value: T | None) -> None:
    if value is not None:
        try:
            check(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error


def _codec(number: int) -> str:
    return "utf-8-sig" if number == 1 else "utf-8"


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error


def _named(columns: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) != len(columns):
        raise ValueError(f"{len(columns)} columns are expected, not {len(row)}")
    given: dict[str, Any] = {name: text for name, text in zip(columns, row, strict=True) if text}
    if "metadata" in given:
        try:
            given["metadata"] = _from_json(given["metadata"])
        except ValueError as error:
            raise ValueError(f"metadata: {error}") from error
    return given


def kind_of(path: Path) -> str:
    """Return ``json`` or ``csv``.

    Raises:
        SourceRejected: the name has no ending of a manifest.
    """
    kind = ENDINGS.get(path.suffix.lower())
    if kind is None:
        raise SourceRejected("invalid", f"a manifest's name ends in one of {', '.join(ENDINGS)}")
    return kind
