"""A small version is made once for all who ask for it, and the oldest make room."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from imagesearch.errors import PictureRejected
from imagesearch.failures import FailureCode
from imagesearch_api.thumbnail_cache import ThumbnailCache, ThumbnailKey

KEY = ThumbnailKey("ab", 256, "JPEG")


def never() -> bytes:
    raise AssertionError("it was made again")


def test_what_was_made_is_remembered_by_content_size_and_format() -> None:
    cache = ThumbnailCache(100)
    assert cache.get(KEY, lambda: b"small") == b"small"
    assert cache.get(KEY, never) == b"small"
    for other in (KEY._replace(sha256="cd"), KEY._replace(size=128), KEY._replace(file_format="WEBP")):
        assert cache.get(other, lambda: b"other") == b"other"


def test_those_that_were_not_asked_for_longest_make_room() -> None:
    cache = ThumbnailCache(10)
    first, second, third = (KEY._replace(size=size) for size in (1, 2, 3))
    for key in (first, second):
        cache.get(key, lambda: b"12345")
    cache.get(first, never)
    cache.get(third, lambda: b"12345")
    cache.get(first, never)
    assert cache.get(second, lambda: b"again") == b"again"


@pytest.mark.parametrize("capacity", [0, 4])
def test_what_has_no_room_is_sent_all_the_same(capacity: int) -> None:
    cache = ThumbnailCache(capacity)
    assert [cache.get(KEY, lambda: b"12345") for _ in range(2)] == [b"12345"] * 2


def test_many_who_ask_at_once_wait_for_one() -> None:
    cache, begun, go = ThumbnailCache(100), Event(), Event()

    def make() -> bytes:
        begun.set()
        assert go.wait(60)
        return b"small"

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(cache.get, KEY, make)
        assert begun.wait(60)
        others = [pool.submit(cache.get, KEY, never) for _ in range(3)]
        other = pool.submit(cache.get, KEY._replace(size=1), lambda: b"other")
        go.set()
        assert [one.result() for one in (first, *others)] == [b"small"] * 4
        assert other.result() == b"other"


def test_a_failure_is_not_remembered() -> None:
    cache = ThumbnailCache(100)

    def fail() -> bytes:
        raise PictureRejected(FailureCode.IO_ERROR, "the disk failed")

    with pytest.raises(PictureRejected):
        cache.get(KEY, fail)
    assert cache.get(KEY, lambda: b"small") == b"small"
