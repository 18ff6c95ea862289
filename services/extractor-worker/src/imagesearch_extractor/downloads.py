"""Fetch the weights that Keras publishes into Keras' own cache, and trust none that has another digest."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from imagesearch.errors import WeightsUnavailable
from imagesearch_extractor.architectures import Publication

BLOCK = 1 << 20


class DownloadFailed(WeightsUnavailable):
    """The published weights are not in Keras' cache and could not be downloaded."""


def fetch(publication: Publication, timeout: float) -> Path:
    """Return the file of published weights, from the cache or else from where it is published.

    What comes lies under another name until all of it is there and has its digest; a download that broke off
    begins anew. Processes that start together wait for one of them.

    Args:
        publication: where it is, and what its digest has to be.
        timeout: seconds without a byte after which the download has failed.

    Raises:
        DownloadFailed: it cannot be had, or is another file; the message is one line.
    """
    try:
        with _cache() as folder:
            wanted = folder / publication.name
            if not wanted.is_file() or _md5(wanted) != publication.md5:
                _download(publication, wanted, timeout)
            return wanted
    except (OSError, http.client.HTTPException, _RefusedError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        host = urlsplit(publication.url).hostname
        raise DownloadFailed(
            f"WEIGHTS=imagenet: could not download the weights ({_first_line(error)}); allow access to {host}, "
            "or set WEIGHTS to a file that Keras saved, or to random:SEED for a trial"
        ) from error


class _RefusedError(Exception):
    """The answer is not what was asked for."""


def _download(publication: Publication, wanted: Path, timeout: float) -> None:
    part = wanted.with_name(f"{wanted.name}.part")
    digest, size = hashlib.md5(usedforsecurity=False), 0
    opener = urllib.request.build_opener(_SameScheme)
    try:
        with opener.open(publication.url, timeout=timeout) as answer, part.open("wb") as file:
            while block := answer.read(BLOCK):
                size += len(block)
                if size > publication.max_bytes:
                    raise _RefusedError(f"the answer is longer than {publication.max_bytes} bytes")
                file.write(block)
                digest.update(block)
        if digest.hexdigest() != publication.md5:
            raise _RefusedError(f"what came is another file, or a part of it: {size} bytes")
        part.replace(wanted)
    finally:
        part.unlink(missing_ok=True)


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follow redirects that stay with the scheme that was asked for: never to less protection, or to files."""

    def redirect_request(  # noqa: PLR0917 - its signature is urllib's
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the next request."""
        if urlsplit(newurl).scheme != urlsplit(req.full_url).scheme:
            fp.close()
            raise _RefusedError(f"it was redirected to {newurl[:100]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _md5(path: Path) -> str:
    """Return the digest that Keras states: it tells damage and other files apart, not forgeries."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextmanager
def _cache() -> Iterator[Path]:
    """Hold the folder in which Keras keeps weights."""
    home = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser())
    if not os.access(home if home.exists() else home.parent, os.W_OK):
        home = Path(tempfile.gettempdir(), ".keras")  # where Keras itself goes then
    folder = home / "models"
    folder.mkdir(parents=True, exist_ok=True)
    with (home / ".imagesearch-download.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
