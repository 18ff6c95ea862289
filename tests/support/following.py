"""Follow jobs over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from support.waiting import TIMEOUT, until


def ended(http: httpx.Client, job_id: str, *, seconds: float = TIMEOUT) -> dict[str, Any]:
    """Wait until a job has ended, and return it."""
    job: dict[str, Any] = {}

    def is_over() -> bool:
        nonlocal job
        job = http.get(f"/api/v2/jobs/{job_id}").json()
        return job["finished_at"] is not None

    until(is_over, seconds=seconds)
    return job
