"""Hold one connection to Milvus and turn what goes wrong on it into the errors of this product."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TypeVar

import grpc  # type: ignore[import-untyped]
from pymilvus import MilvusClient, MilvusException

from imagesearch import tracing
from imagesearch.errors import NotFound, Shortage, StoreUnavailable
from imagesearch.metrics import STORE_SECONDS
from imagesearch.settings import MilvusSettings
from imagesearch.store_failures import failed, tells_of_full_disk

T = TypeVar("T")

CONNECT_SECONDS = 3.0
"""Longest to wait for a server that does not answer; one that refuses is an error at once."""

_COLLECTION_NOT_FOUND = 100
_COLLECTION_NOT_LOADED = 101

_NO_CONNECTION = 2
"""pymilvus' own code for a server that it cannot reach, and Milvus' for a service that is down."""
_TRANSIENT = frozenset(
    {
        # https://github.com/milvus-io/milvus/blob/master/pkg/util/merr/errors.go; 1 is also pymilvus' code for
        # whatever failed on the way.
        1,  # service not ready
        _NO_CONNECTION,
        3,  # memory limit exceeded
        4,  # request limit exceeded
        5,  # internal error of a service
        7,  # disk limit exceeded
        8,  # rate limited
        9,  # writes denied by quota
        10,  # clocks apart
        103,  # collection not fully loaded
        400,  # replica not found
        401,  # replica not available
        500,  # channel not found
        501,  # channel lacks
        502,  # channel reduplicated
        503,  # channel not available
        600,  # segment not found
        601,  # segment not loaded
        602,  # segment lacks
        901,  # node not found
        902,  # node offline
        903,  # node lacks
        1000,  # key not found in the object store
        1001,  # input or output failed
    }
)
_SHORTAGES: Mapping[object, Shortage] = {3: Shortage.MEMORY, 7: Shortage.DISK, 9: Shortage.QUOTA}
_MISUSED = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
    }
)


class CollectionNotLoaded(StoreUnavailable):
    """The collection exists, but the server has not loaded it: Milvus Lite forgets that in a restart."""


class MilvusConnection:
    """Call a Milvus server from any thread; connect at the first call, and again after a fork.

    While the server cannot be reached one thread at a time tries, and the others fail at once: pymilvus
    reconnects under a lock, and each thread that waits for it would add up to `CONNECT_SECONDS`.
    """

    def __init__(self, settings: MilvusSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._probe = Lock()
        self._client: MilvusClient | None = None
        self._process = os.getpid()
        self._down: str | None = None

    def call(self, action: Callable[[MilvusClient], T], name: str | None = None) -> T:
        """Return what `action` makes of the client.

        Args:
            name: the collection that it is about, for the error.

        Raises:
            CollectionNotLoaded: the collection has to be loaded first.
            StoreUnavailable: the server cannot be reached, is not ready, has no room or did not answer in time.
            NotFound: there is no such collection.
            MilvusException: the request itself is wrong.
        """
        if self._down is None:
            return self._try(action, name)
        if not self._probe.acquire(blocking=False):
            raise StoreUnavailable("milvus", self._down)
        try:
            return self._try(action, name)
        finally:
            self._probe.release()

    def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""
        with self._lock:
            client, self._client = self._client, None
            self._down = None
        if client is not None and self._process == os.getpid():
            client.close()

    def _try(self, action: Callable[[MilvusClient], T], name: str | None) -> T:
        try:
            client = self._connected()
            with STORE_SECONDS.labels("milvus").time(), tracing.step("milvus"):
                answer = action(client)
        except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError) as error:
            reason = _reason(error)
            if _is_unreachable(error):
                self._down = reason
            if _code(error) == _COLLECTION_NOT_FOUND:
                raise NotFound(f"There is no vector collection {name!r}.") from error
            if _code(error) == _COLLECTION_NOT_LOADED:
                raise CollectionNotLoaded("milvus", reason) from error
            has_no_disk = tells_of_full_disk(reason)
            if has_no_disk or _is_transient(error):
                lacks = _SHORTAGES.get(_code(error), Shortage.DISK if has_no_disk else None)
                raise failed("milvus", reason, lacks) from error
            raise
        self._down = None
        return answer

    def _connected(self) -> MilvusClient:
        if not self._lock.acquire(timeout=CONNECT_SECONDS):
            raise StoreUnavailable("milvus", "another thread is still connecting")
        try:
            if self._process != os.getpid():
                # A child inherits a channel whose threads stayed behind in the parent: it must not touch it.
                self._process, self._client, self._down = os.getpid(), None, None
            if self._client is None:
                # Every failure is raised here as one of our errors; pymilvus also logs it with its stack.
                logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
                self._client = MilvusClient(
                    self._settings.milvus_uri,
                    token=self._settings.milvus_token,
                    server_pem_path=str(self._settings.milvus_ca_file or ""),
                    timeout=min(CONNECT_SECONDS, self._settings.milvus_timeout),
                    # Shared connections are found by address, also by a forked child.
                    dedicated=True,
                )
            return self._client
        finally:
            self._lock.release()


def _code(error: Exception) -> object:
    if isinstance(error, MilvusException):
        return error.code
    return error.code() if isinstance(error, grpc.RpcError) else None


def _reason(error: Exception) -> str:
    if isinstance(error, MilvusException):
        return str(error.message).splitlines()[0][:300] if error.message else f"code {error.code}"
    if isinstance(error, grpc.RpcError):
        return f"{error.code().name}: {error.details()}"[:300]
    return "no answer in time"


def _is_unreachable(error: Exception) -> bool:
    return _code(error) in (_NO_CONNECTION, grpc.StatusCode.UNAVAILABLE)


def _is_transient(error: Exception) -> bool:
    """Tell whether the same call may work later; subclasses of MilvusException are pymilvus' own checks."""
    if isinstance(error, grpc.RpcError):
        return error.code() not in _MISUSED
    if not isinstance(error, MilvusException):
        return True
    if isinstance(error.code, grpc.StatusCode):
        return error.code not in _MISUSED
    return type(error) is MilvusException and (error.retriable or error.code in _TRANSIENT)
