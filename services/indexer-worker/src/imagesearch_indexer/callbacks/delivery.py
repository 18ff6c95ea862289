"""Make one attempt at a callback, and decide when the next one is due."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException

import structlog
from urllib3.exceptions import HTTPError

from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import callbacks
from imagesearch.catalog.jobs.callbacks import Attempt, Callback
from imagesearch.errors import UrlRefused
from imagesearch.outgoing.connection import Dialler
from imagesearch.outgoing.urls import checked_url, host_of, port_of
from imagesearch_indexer.callbacks.secrets import SecretMissing, Secrets
from imagesearch_indexer.callbacks.signature import headers_of

log = structlog.get_logger()

FIRST_DELAY, MAX_DELAY = 10.0, 3_600.0
"""Seconds between attempts; they double from one to the next."""
LEASE_FACTOR = 3
"""An attempt that has not been recorded for so many times as long as it may take was killed."""
GONE = 410
"""By it a receiver says that it never wants to hear again."""
HEADERS = {"Content-Type": "application/json", "User-Agent": "imagesearch"}


@dataclass(frozen=True)
class Delivery:
    """Deliver callbacks.

    Attributes:
        catalog: holds them.
        dialler: opens the connections.
        secrets: sign, and name the hosts that may be told.
        timeout: seconds that an attempt may take.
        patience: for how long after its job's end a callback is tried.
        jitter: returns a number from 0 to 1, so that not all that failed together come again together.
    """

    catalog: Catalog
    dialler: Dialler
    secrets: Secrets
    timeout: float
    patience: timedelta
    jitter: Callable[[], float] = random.random

    def deliver_next(self) -> bool:
        """Make an attempt at the callback that has been due the longest; return whether there was one.

        Raises:
            StoreUnavailable: Postgres went away; an attempt that was made is made again.
        """
        with self.catalog.transaction() as tx:
            callback = callbacks.claim(tx, timedelta(seconds=LEASE_FACTOR * self.timeout))
        if callback is None:
            return False
        attempt = self._attempt(callback)
        is_told = attempt.status is not None and 200 <= attempt.status < 300
        with self.catalog.transaction() as tx:
            if is_told:
                callbacks.delivered(tx, callback, attempt)
            elif attempt.status == GONE:
                callbacks.given_up(tx, callback, attempt)
            else:
                delay = timedelta(seconds=self._delay(callback.attempts))
                callbacks.put_off(tx, callback, attempt, delay, patience=self.patience)
        log.info(
            "callback.delivered" if is_told else "callback.failed",
            job=callback.job_id,
            attempt=attempt.number,
            status=attempt.status,
            reason=attempt.error,
        )
        return True

    def _attempt(self, callback: Callback) -> Attempt:
        began, status, error = time.monotonic(), None, None
        try:
            status = self._send(callback, began + self.timeout)
        except UrlRefused as refused:
            error = refused.rule
        except SecretMissing as missing:
            error = str(missing)
        except (HTTPError, HTTPException, OSError, ValueError) as reason:
            # What exactly went wrong may tell of the network behind this process: that is for its log.
            log.info("callback.not_sent", job=callback.job_id, reason=repr(reason))
            error = "nothing answered from there in time"
        at = datetime.now(UTC)
        return Attempt(callback.attempts, at, status, error, round(time.monotonic() - began, 3))

    def _send(self, callback: Callback, deadline: float) -> int:
        target = checked_url(callback.url, self.secrets.names, setting="CALLBACK_HOSTS")
        secrets = self.secrets.of(host_of(target), port_of(target))
        body = callback.body.encode()
        signed = headers_of(callback.event_id, int(time.time()), body, secrets)
        headers = {**HEADERS, **signed}
        with self.dialler.answer(target, deadline, method="POST", headers=headers, body=body) as response:
            return int(response.status)

    def _delay(self, attempts: int) -> float:
        longest = min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(attempts - 1, 20))
        return longest * (0.5 + 0.5 * self.jitter())
