"""Examples to search by: pictures like what is looked for, and pictures unlike it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imagesearch_client.pictures import Part, Picture, read_picture
from imagesearch_client.queries import Query, Shape


@dataclass(frozen=True, slots=True)
class Example:
    """Weigh a picture, or what a `Query` names, against the other examples of its side."""

    of: Picture | Query
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Examples:
    """Search by examples: at least one positive one, and 32 in all at most.

    The API searches by the direction of the weighted mean of the positive ones less `negative_share` (0.2 unless
    given) of that of the negative ones; indexed pictures that are examples are none of the results.

    Example:
        >>> wanted = Examples(positive=["cat.jpg", Query(key="sku-1")], negative=[Query(image_id=3)])
        >>> client.search("photos", wanted)[0].path
        '/photos/cat.jpg'
    """

    positive: Sequence[Picture | Query | Example]
    negative: Sequence[Picture | Query | Example] = ()
    negative_share: float | None = None

    def to_request(self, shape: Shape) -> dict[str, Any]:
        """Return the body of a search: JSON, or a form where pictures are sent.

        Raises:
            OSError: a picture's file cannot be read.
        """
        described = self._described()
        files, weights = [], {}
        for side, examples in self._sides():
            pictures = [one for one in examples if not isinstance(one.of, Query)]
            files += [_part(side, one) for one in pictures]
            if any(one.weight != 1.0 for one in pictures):
                weights[f"{side}_weight"] = [json.dumps(one.weight) for one in pictures]
        if not files:
            return {"json": {**described, **shape.to_json()}}
        examples_text = {"examples": json.dumps(described)} if described else {}
        return {"files": files, "data": {**shape.to_form(), **weights, **examples_text}}

    def _sides(self) -> list[tuple[str, list[Example]]]:
        return [
            (side, [one if isinstance(one, Example) else Example(one) for one in given])
            for side, given in (("positive", self.positive), ("negative", self.negative))
        ]

    def _described(self) -> dict[str, Any]:
        described: dict[str, Any] = {}
        for side, examples in self._sides():
            named = [
                one.of.to_json() | ({} if one.weight == 1.0 else {"weight": one.weight})
                for one in examples
                if isinstance(one.of, Query)
            ]
            if named:
                described[side] = named
        return described | ({} if self.negative_share is None else {"negative_share": self.negative_share})


def _part(side: str, example: Example) -> tuple[str, Part]:
    assert not isinstance(example.of, Query)  # noqa: S101 - those stand in JSON
    return side, read_picture(example.of)
