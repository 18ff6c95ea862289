"""The parts of a search: what to search by, which region of it, and the shape of the answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_TOP_K = 10

Box = str | Sequence[float]
"""``x,y,w,h``: whole numbers are pixels; as soon as one has a decimal point all are fractions of the picture."""


@dataclass(frozen=True, slots=True)
class Query:
    """Search by an id, a key, a path, a vector or a URL: exactly one, and a box if only a region counts.

    Example:
        >>> [result.id for result in client.search("photos", Query(vector=[0.6, 0.8]))]
        [1, 2]
    """

    image_id: int | None = None
    path: str | None = None
    """Of an indexed picture, as the server sees it."""
    vector: Iterable[float] | None = None
    """Numbers, such as an array of numpy."""
    url: str | None = None
    box: Box | None = None
    key: str | None = None
    """Your own id of an indexed picture."""

    def to_json(self) -> dict[str, Any]:
        """Return the query as the API takes it."""
        fields: dict[str, Any] = {
            "image_id": self.image_id,
            "key": self.key,
            "path": self.path,
            "vector": [float(number) for number in self.vector] if self.vector is not None else None,
            "url": self.url,
            "box": self.box if self.box is None or isinstance(self.box, str) else list(self.box),
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Shape:
    """Say which results are wanted and what each shows; what is None takes the API's default."""

    top_k: int | None = None
    page: int | None = None
    page_size: int | None = None
    max_distance: float | None = None
    include: Sequence[str] | None = None
    partition: str | None = None
    filter: Mapping[str, Any] | None = None
    explain: str | None = None
    """``regions`` or ``picture``: tell where the similarity of the one result comes from."""
    group_by: str | None = None
    """``partition`` or a field of the metadata: only the nearest picture of each of its values."""
    exclude_self: bool = False
    """Leave out the indexed picture that a query is by."""

    def to_json(self) -> dict[str, Any]:
        """Return the shape as the API takes it in JSON."""
        has_pages = self.page is not None or self.page_size is not None
        fields: dict[str, Any] = {
            "top_k": self.top_k if self.top_k is not None or has_pages else DEFAULT_TOP_K,
            "page": self.page,
            "page_size": self.page_size,
            "max_distance": self.max_distance,
            "include": list(self.include) if self.include is not None else None,
            "partition": self.partition,
            "filter": dict(self.filter) if self.filter is not None else None,
            "explain": self.explain,
            "group_by": self.group_by,
            "exclude_self": self.exclude_self or None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def to_form(self) -> dict[str, str]:
        """Return the shape as the API takes it in a form."""
        form = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in self.to_json().items()
        }
        return form | ({"include": ",".join(self.include)} if self.include is not None else {})


def box_text(box: Box) -> str:
    """Return a box as the API takes it in a form."""
    return box if isinstance(box, str) else ",".join(json.dumps(number) for number in box)
