"""Judge what a search would answer, from vectors alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.quality.extraction import Extracted
from bench.quality.measures import average_precision, precision_at

HEADER: Final = "| pipeline | P@1 | P@10 | mAP | copies @1 | copies @3 | pictures/s |\n" + "|---" * 7 + "|"


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold what one pipeline came to; shares are of 1.

    Attributes:
        first: P@1 over classes.
        ten: P@10 over classes.
        mean_average: mAP over classes.
        copies_first: share of changed copies whose photo comes first; NaN where there are none.
        copies_three: share of those whose photo is among the first three.
        pictures_a_second: as extracted.
    """

    first: float
    ten: float
    mean_average: float
    copies_first: float
    copies_three: float
    pictures_a_second: float

    def row(self, name: str) -> str:
        """Return a line of a table."""
        shares = (self.first, self.ten, self.mean_average, self.copies_first, self.copies_three)
        cells = [name, *(f"{share:.3f}" for share in shares), f"{self.pictures_a_second:.1f}"]
        return "| " + " | ".join(cells) + " |"


def judge(found: Extracted) -> Judged:
    """Rank all photos for each photo, itself left out, and for each copy."""
    classes = np.asarray(found.classes)
    order = np.argsort(-(found.vectors @ found.vectors.T), axis=1, kind="stable")
    right = [
        (classes[ranking[ranking != photo]] == classes[photo]).tolist() for photo, ranking in enumerate(order)
    ]
    nearest = np.argsort(-(found.changed @ found.vectors.T), axis=1, kind="stable")[:, :3]
    hits = nearest == np.asarray(found.originals, dtype=np.int64)[:, None]
    copies = (hits[:, 0].mean(), hits.any(axis=1).mean()) if len(hits) else (np.nan, np.nan)
    return Judged(
        first=float(np.mean([precision_at(1, each) for each in right])),
        ten=float(np.mean([precision_at(10, each) for each in right])),
        mean_average=float(np.mean([average_precision(each) for each in right])),
        copies_first=float(copies[0]),
        copies_three=float(copies[1]),
        pictures_a_second=found.pictures_a_second,
    )
