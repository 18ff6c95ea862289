"""Keep objects in a bucket of S3, or of a store that speaks as it does."""

from __future__ import annotations

import asyncio
import errno
import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from imagesearch.errors import Shortage, StoreUnavailable
from imagesearch.files.objects import ObjectFacts
from imagesearch.store_failures import failed

UPLOADS = "uploads"
"""What errors and metrics call the store of uploads."""
MAX_DELETED = 1_000
"""As many as S3 deletes in one call."""
_CONNECT_SECONDS = 3.0
_CONNECTIONS = 32
_TRIES = 2
_NO_ROOM = ("QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded")
"""What stores say that have no room; S3 itself always has some."""


class Bucket:
    """Keep objects beneath a prefix of a bucket: an `ObjectStore`.

    Credentials are found as every client of S3 finds them: in the environment, in the files of AWS, or from the
    machine. Nothing connects before the first call, so that a process may fork before it.
    """

    def __init__(self, url: str, endpoint_url: str, timeout: float, store: str = UPLOADS) -> None:
        """Name the place.

        Args:
            url: such as ``s3://bucket/prefix``.
            endpoint_url: where the store is; empty for AWS.
            timeout: seconds a call may take with its second try.
            store: what errors and metrics call it.
        """
        self._store = store
        place = urlsplit(url)
        self._bucket, prefix = place.netloc, place.path.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint_url = endpoint_url
        self._timeout = timeout

    def put(self, key: str, data: bytes) -> None:
        """Write an object; the store compares a checksum, and shows it wholly or not at all."""
        # MD5 is the one checksum that every store knows.
        checksum = b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        self._call("put_object", Key=self._prefix + key, Body=data, ContentMD5=checksum)

    def get(self, key: str, start: int, count: int) -> bytes:
        """Return so many bytes of an object, fewer at its end."""
        wanted = {"Key": self._prefix + key, "Range": f"bytes={start}-{start + count - 1}"}
        data = self._run(self._body(wanted, count))
        if not isinstance(data, bytes):
            raise failed(self._store, "it answered with something else than bytes")
        return data

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; one that is not there is no error."""
        if not keys:
            return
        if len(keys) == 1:
            self._call("delete_object", Key=self._prefix + keys[0])
            return
        wanted = {"Objects": [{"Key": self._prefix + key} for key in keys], "Quiet": True}
        errors = self._call("delete_objects", Delete=wanted).get("Errors")
        if errors:
            raise failed(self._store, f"{len(errors)} objects were not deleted: {errors[0].get('Code')}")

    def facts(self, key: str) -> ObjectFacts | None:
        """Return what is known of an object.

        A listing tells a key that is missing from a bucket that is, and from one that may not be read; a question
        for the object alone does not.
        """
        page = self._call("list_objects_v2", Prefix=self._prefix + key, MaxKeys=1)
        return next((_facts(each) for each in page.get("Contents", ()) if each["Key"] == self._prefix + key), None)

    def listed(self, prefix: str) -> Iterator[tuple[str, ObjectFacts]]:
        """Yield the objects whose keys begin so."""
        for page in self._pages(Prefix=self._prefix + prefix):
            for each in page.get("Contents", ()):
                yield each["Key"].removeprefix(self._prefix), _facts(each)

    def folders(self) -> set[str]:
        """Return what keys begin with, up to their first slash."""
        found: set[str] = set()
        for page in self._pages(Prefix=self._prefix, Delimiter="/"):
            names = (each["Prefix"] for each in page.get("CommonPrefixes", ()))
            found.update(name.removeprefix(self._prefix).rstrip("/") for name in names)
        return found

    def _pages(self, **wanted: str) -> Iterator[Any]:
        """Yield a listing page by page."""
        more: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", **wanted, **more)
            yield page
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    @cached_property
    def _filesystem(self) -> Any:
        # Loaded by those alone whose uploads lie in a bucket.
        from s3fs import S3FileSystem  # noqa: PLC0415

        filesystem = S3FileSystem(
            endpoint_url=self._endpoint_url or None,
            use_listings_cache=False,
            config_kwargs={
                "connect_timeout": _CONNECT_SECONDS,
                "read_timeout": self._timeout,
                "max_pool_connections": _CONNECTIONS,
                # What is written has its MD5; stores of other makers may not know the newer sums.
                "request_checksum_calculation": "when_required",
                "response_checksum_validation": "when_required",
                "retries": {"total_max_attempts": _TRIES, "mode": "standard"},
            },
        )
        # Its own tries on top of those would each wait as long again.
        filesystem.retries = 1
        return filesystem

    async def _body(self, wanted: dict[str, str], count: int) -> bytes:
        answer = await self._filesystem._call_s3("get_object", Bucket=self._bucket, **wanted)
        async with answer["Body"] as body:
            length = answer["ContentLength"]
            # A store that knows no ranges would send all of it.
            if length > count:
                raise OSError(f"it sent {length} bytes in place of {count}")
            data: bytes = await body.read()
        if len(data) != length:
            raise OSError(f"it sent {len(data)} bytes of {length}")
        return data

    def _call(self, method: str, **wanted: Any) -> Any:
        return self._run(self._filesystem._call_s3(method, Bucket=self._bucket, **wanted))

    def _run(self, call: Any) -> Any:
        from aiohttp import ClientError  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
        from fsspec.asyn import sync  # noqa: PLC0415

        try:
            return sync(self._filesystem.loop, asyncio.wait_for, call, self._timeout)
        except (OSError, TimeoutError, BotoCoreError, ClientError) as error:
            code = _code(error)
            if code == "NoSuchKey":
                raise FileNotFoundError(errno.ENOENT, code) from error
            raise self._failed(code) from error

    def _failed(self, code: str) -> StoreUnavailable:
        return failed(self._store, code, Shortage.DISK if code in _NO_ROOM else None)


def _facts(listed: Any) -> ObjectFacts:
    return ObjectFacts(listed["Size"], int(listed["LastModified"].timestamp()) * 1_000_000_000)


def _code(error: BaseException) -> str:
    """Return what the store calls an error, or its type: messages may repeat addresses and names of keys."""
    answer = getattr(error.__cause__, "response", None)
    code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    return str(code or type(error).__name__)
