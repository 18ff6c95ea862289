"""What became of one file that was to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imagesearch_client.errors import ApiError


class Outcome(StrEnum):
    """Name what became of a file."""

    SENT = "sent"
    UNCHANGED = "unchanged"
    """Its content was there already, so it was not sent."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Tell what became of one file, or of a folder that cannot be read."""

    path: str
    outcome: Outcome
    id: int | None = None
    """Of its image; None where it failed."""
    code: str | None = None
    """Why it failed: a code of a picture or a problem, or one of `reading`."""
    reason: str | None = None


ABOUT_A_FIELD = "invalid_request"
"""What is said about a picture may differ from one of its files to the next."""
ABOUT_ONE_FILE = frozenset(
    {
        "unreadable",
        "truncated",
        "unsupported_format",
        "too_large",
        "too_small",
        "empty",
        "zero_vector",
        ABOUT_A_FIELD,
        "body_too_large",
        "key_taken",
        "image_moved",
        "image_deleted",
        "write_failed",
        "internal_error",
    }
)
"""Codes of refusals that say nothing of the next file; any other would be given to each of them."""
STATUSES_ABOUT_ONE_FILE = frozenset({400, 409, 413, 415, 500})
"""Of an API that gives no codes."""


def is_about_one_file(error: ApiError) -> bool:
    """Tell whether the API refused a file for what it is, so that the next one may be taken."""
    return error.code in ABOUT_ONE_FILE if error.code is not None else error.status in STATUSES_ABOUT_ONE_FILE
