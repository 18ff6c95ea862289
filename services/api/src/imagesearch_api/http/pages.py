"""Read out of a request which page of a list is asked for."""

from __future__ import annotations

from uuid import UUID

from flask import request

from imagesearch.access.keys import ID
from imagesearch.errors import NotFound
from imagesearch.metadata import MAX_PARTITION_LENGTH, check_storable
from imagesearch_api.http.fields import BadField
from imagesearch_api.http.numbers import read_int
from imagesearch_api.limits import MAX_NUMBER, MAX_PAGE_SIZE, PAGE_SIZE
from imagesearch_api.models.requests.base import check_name


def checked_job(job_id: str) -> str:
    """Return the job id of a path.

    Raises:
        NotFound: no job can have it.
    """
    try:
        return str(UUID(job_id))
    except ValueError:
        raise NotFound(f"There is no job {job_id!r}.") from None


def checked_alias(alias: str) -> str:
    """Return the alias of a path.

    Raises:
        BadField: it could not be the name of a collection.
    """
    try:
        return check_name(alias)
    except ValueError as error:
        raise BadField("alias", str(error)) from error


def read_page() -> tuple[int, int | None]:
    """Return how many items a page has, and behind which number it begins; None is the beginning.

    Raises:
        BadField: one of them is no number in its range.
    """
    limit = read_limit()
    raw = request.args.get("cursor")
    return limit, read_int("cursor", raw, default=0, low=0, high=MAX_NUMBER) if raw is not None else None


def read_name_page() -> tuple[int, str]:
    """Return how many collections or aliases a page has, and behind which name it begins; "" is the beginning.

    Raises:
        BadField: one of them is out of its range.
    """
    limit = read_limit()
    after = request.args.get("cursor")
    return limit, checked_alias(after) if after is not None else ""


def read_key_page() -> tuple[int, str]:
    """Return how many API keys a page has, and behind which id it begins; the empty one is the beginning.

    Raises:
        BadField: one of them is out of its range.
    """
    limit = read_limit()
    after = request.args.get("cursor", "")
    if after and not ID.fullmatch(after):
        raise BadField("cursor", "the id of an API key is expected")
    return limit, after


def read_partition_page() -> tuple[int, str | None]:
    """Return how many partitions a page has, and behind which one it begins; None is the beginning.

    Raises:
        BadField: one of them is out of its range.
    """
    limit = read_limit()
    after = request.args.get("cursor")
    try:
        if after is not None and len(check_storable(after)) > MAX_PARTITION_LENGTH:
            raise BadField("cursor", f"must be at most {MAX_PARTITION_LENGTH} characters long")
    except ValueError as error:
        raise BadField("cursor", str(error)) from error
    return limit, after


def read_limit() -> int:
    """Return how many items a page has.

    Raises:
        BadField: it is no number in its range.
    """
    return read_int("limit", request.args.get("limit"), default=PAGE_SIZE, low=1, high=MAX_PAGE_SIZE)
