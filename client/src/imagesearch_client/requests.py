"""How requests are written: paths, parameters, forms, keys."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

PAGE_SIZE = 200
"""Items asked for at once when a list is read to its end."""
MAX_DIGESTS = 500
"""Of uploads that one request looks for, as the API takes them."""
BATCH_TIMEOUT = 120.0
"""Seconds: a batch of pictures is one forward pass, which takes its time on a CPU."""
DOCTOR_TIMEOUT = 60.0
"""Seconds: each store that is away takes some."""
RECONCILE_TIMEOUT = 600.0
"""Seconds: reconcile reads the whole catalogue before it answers."""


class Kept:
    """Say that a value stays as it is, where None is a value of its own."""

    def __repr__(self) -> str:
        return "KEEP"


KEEP = Kept()


def segment(name: str) -> str:
    """Return a name as one segment of a path."""
    return quote(name, safe="")


def collection_path(name: str) -> str:
    """Return the path of a collection, by its name or alias."""
    return f"/api/v2/collections/{segment(name)}"


def alias_path(alias: str) -> str:
    """Return the path of an alias."""
    return f"/api/v2/aliases/{segment(alias)}"


def job_path(job_id: str) -> str:
    """Return the path of a job."""
    return f"/api/v2/jobs/{segment(job_id)}"


def image_path(collection: str, image_id: int) -> str:
    """Return the path of a picture, by its id."""
    return f"{collection_path(collection)}/images/{image_id:d}"


def named_image(collection: str, image: int | str, partition: str | None) -> tuple[str, dict[str, str]]:
    """Return the path of a picture and what its query says: a number is its id, a text its key."""
    if isinstance(image, int):
        return image_path(collection, image), {}
    return f"{collection_path(collection)}/images", {"key": image, **given(partition=partition)}


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not None: the API takes its defaults for the others."""
    return {name: value for name, value in fields.items() if value is not None}


def listed(values: Any) -> list[Any] | None:
    """Return values as JSON has them, None as none."""
    return None if values is None else list(values)


def mapped(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a mapping as JSON has it, None as none."""
    return None if values is None else dict(values)


def moment(time: datetime | None) -> str | None:
    """Return a time as the API takes it; one without a zone is of this machine's."""
    return None if time is None else time.astimezone().isoformat()


def condition(if_match: str | None, *, is_new: bool = False) -> dict[str, str]:
    """Return the headers of a change that is meant for one version, or for what is not there yet."""
    return given(**{"If-Match": if_match, "If-None-Match": "*" if is_new else None})


def key_header(key: str | None = None) -> dict[str, str]:
    """Return the header under which a request may come twice and is done once; a key is made up unless given."""
    return {"Idempotency-Key": key or str(uuid.uuid4())}
