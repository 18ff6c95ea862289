"""Read where a page begins out of a request, and shape the page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request

from imagesearch.errors import NotFound
from imagesearch_api.models.requests import read_int

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1_000
MAX_NUMBER = 2**63 - 1


def checked_job(job_id: str) -> str:
    """Return the job id of a path.

    Raises:
        NotFound: no job can have it.
    """
    try:
        return str(UUID(job_id))
    except ValueError:
        raise NotFound(f"There is no job {job_id!r}.") from None


def read_page() -> tuple[int, int | None]:
    """Return how many items a page has, and behind which number it begins; None is the beginning.

    Raises:
        BadField: one of them is no number in its range.
    """
    limit = read_int("limit", request.args.get("limit"), default=PAGE_SIZE, low=1, high=MAX_PAGE_SIZE)
    raw = request.args.get("cursor")
    cursor = read_int("cursor", raw, default=0, low=0, high=MAX_NUMBER) if raw is not None else None
    return limit, cursor


def paged(items: list[dict[str, Any]], numbers: list[int], limit: int) -> dict[str, Any]:
    """Return one page; `next` is the cursor of the page behind it, null on the last one."""
    return {"items": items, "next": str(numbers[-1]) if len(numbers) == limit else None}
