"""Say how far a slice of a comparison has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Step:
    """Hold where the next slice begins.

    Attributes:
        place: None where there is no next one.
        waits: others have to do something first; the next run looks again.
    """

    place: str | None
    waits: bool = False


DONE: Final = Step(None)
