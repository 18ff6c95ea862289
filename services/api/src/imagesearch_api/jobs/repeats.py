"""Know a request again that makes a job and comes twice under one Idempotency-Key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from imagesearch.catalog import jobs
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.jobs import IdempotencyKey
from imagesearch.errors import Conflict, ConflictCode
from imagesearch_api.jobs.ports import Jobs


def digest_of(asked: object) -> str:
    """Return a digest of what was asked. Jobs keep it, so it stays as it is."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def earlier(ports: Jobs, key: IdempotencyKey | None, digest: str) -> jobs.Job | None:
    """Return the job that was made under a key; None where there is none.

    Raises:
        Conflict: it was made by another request.
        StoreUnavailable: Postgres does not answer.
    """
    if key is None:
        return None
    with ports.catalog.reading() as tx:
        found = jobs.by_key(tx, key)
    return None if found is None else same_request(found, digest)


def same_request(found: jobs.Job, digest: str) -> jobs.Job:
    """Return a job that was made under the key of a request, if that request made it.

    Raises:
        Conflict: another one did.
    """
    if found.request_sha256 != digest:
        raise Conflict("This Idempotency-Key was used for another request.", ConflictCode.IDEMPOTENCY_KEY_USED)
    return found


def marked(key: IdempotencyKey | None, digest: str) -> dict[str, Any]:
    """Return what a new job keeps of its request."""
    return {"idempotency_key": key, "request_sha256": digest}


def made_once(
    ports: Jobs,
    make: Callable[[Transaction], jobs.Job],
    *,
    key: IdempotencyKey | None,
    digest: str,
    callback_url: str | None,
) -> jobs.Job:
    """Commit the job that `make` creates, and ask for its planning; a request that comes again gets its first job.

    Raises:
        CallbackRejected: nobody may be called back there.
        Conflict: the key was used for another request.
        StoreUnavailable: Postgres or Redis does not answer; no job was made.
    """
    before = earlier(ports, key, digest)
    if before is not None:
        return before
    ports.check_callback(callback_url)
    # Without Redis nobody could be asked to plan it.
    ports.workers.alive()
    try:
        with ports.catalog.transaction() as tx:
            job = make(tx)
    except jobs.KeyTaken as taken:
        return same_request(taken.job, digest)
    ports.announce(job)
    return job
