"""Say of one thing whether it is well."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from imagesearch.errors import Shortage


class Verdict(StrEnum):
    """Name what was found out about a thing."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


ADVICE: Final = {
    Shortage.MEMORY: "Give it more memory.",
    Shortage.DISK: "Make room on its disk.",
    Shortage.CONNECTIONS: "Raise max_connections, or run fewer processes: docs/operations.md adds them up.",
    Shortage.QUOTA: "Raise its quota, or what the quota protects: memory or disk.",
}
"""What to do for a store that has no room; what waits for it goes on by itself then."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Hold one line of the doctor's report.

    Attributes:
        subject: what was looked at, such as ``redis eviction``.
        found: what it is like now.
        todo: what to do; empty where all is well.
    """

    subject: str
    verdict: Verdict
    found: str
    todo: str = ""

    def __str__(self) -> str:
        """Return the line as people read it."""
        told = f"{self.verdict:8}{self.subject}: {self.found}"
        return f"{told}. {self.todo}" if self.todo else told


def judge(subject: str, found: str, todo: str, *, is_well: bool | None) -> Diagnosis:
    """Return a diagnosis, whose advice is only given where something is wrong or cannot be told."""
    if is_well:
        return Diagnosis(subject, Verdict.OK, found)
    return Diagnosis(subject, Verdict.UNKNOWN if is_well is None else Verdict.PROBLEM, found, todo)
