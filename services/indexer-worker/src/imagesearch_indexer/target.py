"""Say what the batches of a job are extracted for."""

from __future__ import annotations

from dataclasses import dataclass

from imagesearch.pipeline import Preprocessing


@dataclass(frozen=True, slots=True)
class Target:
    """Say what the batches of a job are extracted for.

    Attributes:
        queue: where workers of the network take them.
        model: identity of the network; None accepts any weights.
        in_flight_limit: how many batches of the job may be on their way; None where the room for all is the limit.
        anew: every picture is extracted, whatever is indexed.
    """

    queue: str
    model: str | None
    preprocessing: Preprocessing
    in_flight_limit: int | None = None
    anew: bool = False
