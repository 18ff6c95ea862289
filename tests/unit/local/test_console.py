from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesearch_local import console
from imagesearch_local.console import Console, Lines


@given(text=st.binary().map(lambda raw: raw.replace(b"\r", b"")), cuts=st.lists(st.integers(0, 60), max_size=8))
def test_lines_come_out_whole_however_the_stream_is_cut(text: bytes, cuts: list[int]) -> None:
    lines = Lines()
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    seen, start = [], 0
    for end in ends:
        seen += lines.feed(text[start:end])
        start = end
    seen += lines.flush()
    *whole, rest = text.split(b"\n")
    assert seen == ([*whole, rest] if rest else whole)


def test_a_line_that_never_ends_is_shown_in_pieces() -> None:
    lines = Lines()
    shown = lines.feed(b"x" * (console.MAX_LINE_BYTES + 1))
    assert [len(piece) for piece in shown] == [console.MAX_LINE_BYTES + 1]


def test_each_line_starts_with_its_process() -> None:
    reader, writer = os.pipe()
    try:
        Console(writer).show("api", [b"listening", b"ready"])
        assert os.read(reader, 1000) == b"api             | listening\napi             | ready\n"
    finally:
        os.close(reader)
        os.close(writer)


def test_a_reader_that_sleeps_stops_nobody_and_gets_everything_later() -> None:
    reader, writer = os.pipe()
    shown = Console(writer)
    try:
        lines = [f"line {number}".encode() for number in range(20_000)]
        for line in lines:
            shown.show("api", [line])
        read = b""
        while read.count(b"\n") < len(lines):
            read += os.read(reader, 65_536)
            shown.drain()
        assert [line.partition(b"| ")[2] for line in read.splitlines()] == lines
    finally:
        os.close(reader)
        os.close(writer)


def test_what_a_sleeping_reader_misses_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "PENDING_LIMIT", 100_000)
    reader, writer = os.pipe()
    shown = Console(writer)
    try:
        for number in range(20_000):
            shown.show("api", [f"line {number}".encode()])
        read = b""
        while chunk := os.read(reader, 65_536) if shown.pending or not read else b"":
            read += chunk
            shown.drain()
        shown.show("api", [b"the last"])
        read += os.read(reader, 65_536)
        lines = read.decode().splitlines()
        missed = next(int(line.split()[2]) for line in lines if line.startswith("stack"))
        assert missed > 0
        assert len(lines) - 2 + missed == 20_000
        assert lines[-1].endswith("| the last")
    finally:
        os.close(reader)
        os.close(writer)


def test_a_reader_that_went_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        shown = Console(writer)
        shown.show("api", [b"to nobody"])
        shown.show("api", [b"still to nobody"])
        assert shown.last_line == {"api": "still to nobody"}
    finally:
        os.close(writer)
