"""A peer has to take each piece of an answer in time, not only some of it now and then."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagesearch_api.server import pacing
from imagesearch_api.server.pacing import PIECE_BYTES, PacedSocket

PART = b"x" * 8_192
PARTS = PIECE_BYTES // len(PART)


@pytest.fixture
def pair() -> Iterator[tuple[PacedSocket, socket.socket]]:
    here, there = socket.socketpair()
    with PacedSocket.adopt(here) as paced, there:
        paced.settimeout(30)
        yield paced, there


def answer(pair: tuple[PacedSocket, socket.socket], parts: int) -> None:
    """Send parts, each of which is taken at once."""
    for _ in range(parts):
        pair[0].sendall(PART)
        left = len(PART)
        while left:
            left -= len(pair[1].recv(left))


def take(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let sending each part seem to take so long."""
    monkeypatch.setattr(pacing.time, "monotonic", itertools.count(step=seconds).__next__)


def test_small_parts_count_together(
    pair: tuple[PacedSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    take(monkeypatch, 1.0)
    with pytest.raises(ConnectionResetError):
        answer(pair, PARTS)


def test_each_piece_has_the_whole_time(
    pair: tuple[PacedSocket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    take(monkeypatch, 29 / PARTS)
    answer(pair, 3 * PARTS)
    # Nothing of one answer counts against the next.
    take(monkeypatch, 1.0)
    answer(pair, 20)
    pair[0].begin_piece()
    answer(pair, 20)


def test_a_reader_that_takes_a_little_of_a_file_now_and_then_is_cut_off(
    pair: tuple[PacedSocket, socket.socket], tmp_path: Path
) -> None:
    path, done = tmp_path / "file", threading.Event()
    path.write_bytes(bytes(16 * PIECE_BYTES))

    def trickle() -> None:
        while not done.wait(0.02) and pair[1].recv(4_096):
            pass

    reader = threading.Thread(target=trickle)
    reader.start()
    pair[0].settimeout(0.2)
    try:
        with path.open("rb") as file, pytest.raises(ConnectionResetError):
            pair[0].sendfile(file, count=16 * PIECE_BYTES)
    finally:
        done.set()
        reader.join()
