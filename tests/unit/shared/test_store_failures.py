"""What stores say that have no room is told apart from what they say otherwise."""

from __future__ import annotations

import errno
import re

import psycopg2
import pytest
import redis
from kombu.exceptions import OperationalError as KombuError
from pymilvus import MilvusException

from imagesearch.catalog import engine
from imagesearch.errors import Shortage, StoreFull, StoreUnavailable
from imagesearch.messaging.redis_errors import needing_redis, shortage
from imagesearch.settings import MilvusSettings
from imagesearch.store_failures import full_disk
from imagesearch.vectors.connection import MilvusConnection


class Refused(psycopg2.OperationalError):
    """What Postgres says to a session."""

    def __init__(self, code: str | None, words: str) -> None:
        super().__init__(words)
        self._code = code

    @property
    def pgcode(self) -> str | None:
        return self._code


@pytest.mark.parametrize(
    ("code", "words", "lacks"),
    [
        ("53100", 'could not extend file "base/5/16400": No space left on device', Shortage.DISK),
        ("58030", 'could not write to file "pg_wal/xlogtemp.7": No space left on device', Shortage.DISK),
        ("53200", "out of memory", Shortage.MEMORY),
        ("53300", "too many connections", Shortage.CONNECTIONS),
        (None, "connection to server failed: FATAL:  sorry, too many clients already", Shortage.CONNECTIONS),
        (None, "FATAL:  remaining connection slots are reserved for roles with ...", Shortage.CONNECTIONS),
        (None, 'FATAL:  too many connections for role "imagesearch"', Shortage.CONNECTIONS),
        ("57014", "canceling statement due to statement timeout", None),
        ("40P01", "deadlock detected", None),
        (None, "connection refused", None),
    ],
)
def test_postgres(code: str | None, words: str, lacks: Shortage | None) -> None:
    found = engine._unavailable(Refused(code, words))
    assert (getattr(found, "lacks", None), found.store) == (lacks, "postgres")


def wrapped(error: Exception) -> Exception:
    """Return an error as Kombu wraps it."""
    outer = KombuError(str(error))
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (redis.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), Shortage.MEMORY),
        (wrapped(redis.OutOfMemoryError("command not allowed")), Shortage.MEMORY),
        (redis.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), Shortage.DISK),
        (wrapped(redis.ResponseError("MISCONF Redis is configured to save RDB snapshots")), Shortage.DISK),
        (redis.ResponseError("WRONGTYPE Operation against a key"), None),
        (redis.ConnectionError("refused"), None),
    ],
)
def test_redis(error: Exception, lacks: Shortage | None) -> None:
    assert shortage(error) is lacks
    with pytest.raises(StoreUnavailable) as caught, needing_redis():
        raise error
    assert isinstance(caught.value, StoreFull) == (lacks is not None)


@pytest.mark.parametrize(
    ("code", "words", "lacks"),
    [
        (3, "memory limit exceeded", Shortage.MEMORY),
        (7, "disk limit exceeded", Shortage.DISK),
        (9, "quota exceeded[reason=disk quota exceeded]", Shortage.QUOTA),
        (1, "[Errno 28] No space left on device", Shortage.DISK),
        (65_535, "write /var/lib/milvus/insert_log/7: no space left on device", Shortage.DISK),
        (8, "rate limit exceeded", None),
        (1, "service not ready", None),
    ],
)
def test_milvus(monkeypatch: pytest.MonkeyPatch, code: int, words: str, lacks: Shortage | None) -> None:
    connection = MilvusConnection(MilvusSettings())
    monkeypatch.setattr(connection, "_connected", lambda: None)

    def refuse(_: object) -> None:
        raise MilvusException(code, words)

    with pytest.raises(StoreUnavailable, match=re.escape(words)) as caught:
        connection.call(refuse)
    assert getattr(caught.value, "lacks", None) is lacks


@pytest.mark.parametrize(
    ("number", "is_full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)]
)
def test_files(number: int, is_full: bool) -> None:
    assert isinstance(full_disk("files", OSError(number, "no")), StoreFull) is is_full
