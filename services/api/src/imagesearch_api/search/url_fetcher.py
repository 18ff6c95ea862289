"""Fetch a picture to search by from the web, without lending the caller this machine's place in the network.

Only hosts that the operator names, only https, only public addresses. Redirects pass the same checks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urljoin

import structlog
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from imagesearch.errors import UrlRefused
from imagesearch.outgoing.connection import Dialler, left
from imagesearch.outgoing.urls import checked_url

log = structlog.get_logger()

MAX_REDIRECTS = 3
CHUNK_BYTES = 64 * 1024
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class UrlFetcher:
    """Fetch what lies at a URL.

    Attributes:
        hosts: ``example.com``, ``example.com:8443`` or ``*.example.com``; without any, nothing is fetched.
        max_bytes: the largest answer that is taken.
        seconds: how long all of it may take, redirects included.
        dialler: opens the connections.
    """

    hosts: tuple[str, ...]
    max_bytes: int
    seconds: float
    dialler: Dialler

    def __call__(self, url: str) -> bytes:
        """Return the bytes at a URL.

        Raises:
            UrlRefused: the URL may not be fetched, or does not answer with a file.
        """
        if not self.hosts:
            raise UrlRefused("fetching is switched off: ALLOWED_URL_HOSTS names no host")
        try:
            return self._follow(url)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            log.info("url.not_fetched", reason=repr(error))
            raise UrlRefused("nothing could be fetched from there in time") from error

    def _follow(self, url: str) -> bytes:
        deadline = time.monotonic() + self.seconds
        for _ in range(MAX_REDIRECTS + 1):
            target = checked_url(url, self.hosts, setting="ALLOWED_URL_HOSTS")
            with self.dialler.answer(target, deadline, headers=HEADERS) as response:
                if response.status not in REDIRECTS:
                    return self._read(response, deadline)
                url = urljoin(url, response.headers.get("Location", ""))
        raise UrlRefused(f"it redirects more than {MAX_REDIRECTS} times")

    def _read(self, response: HTTPResponse, deadline: float) -> bytes:
        if response.status != 200:
            raise UrlRefused(f"it was answered with status {response.status}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise UrlRefused("it was answered compressed, which was not asked for")
        data = bytearray()
        while chunk := response.read1(CHUNK_BYTES):
            data += chunk
            if len(data) > self.max_bytes:
                raise UrlRefused(f"it is larger than {self.max_bytes} bytes")
        # A connection that was cut because the time was up reads as one that ended.
        left(deadline)
        length = response.headers.get("Content-Length")
        if length is not None and length != str(len(data)):
            raise UrlRefused("it was cut off")
        return bytes(data)
