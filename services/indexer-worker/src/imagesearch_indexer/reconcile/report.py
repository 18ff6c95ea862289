"""Gather what a reconciliation finds, and keep a failure to what has failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from imagesearch.contract import Finding
from imagesearch.errors import ImageSearchError, StoreUnavailable

log = structlog.get_logger()

SHOWN = 5
"""Names in the detail of one finding."""


class TurnLost(ImageSearchError):
    """Another process reconciles, because this one stood still for too long; nothing is to be done any more."""


class Report:
    """Gather findings by kind, in the order in which kinds were first met.

    Args:
        dry_run: nothing is repaired.
        renew: says that the work goes on; raises `TurnLost` where it may not.
    """

    def __init__(self, *, dry_run: bool, renew: Callable[[], None]) -> None:
        self.dry_run = dry_run
        self._renew = renew
        self._counts: dict[str, int] = {}
        self._details: dict[str, str] = {}
        self._failed: list[str] = []

    def add(self, kind: str, count: int, detail: str = "") -> None:
        """Note that something was found so many times; the first detail is kept."""
        if count:
            self._counts[kind] = self._counts.get(kind, 0) + count
            self._details.setdefault(kind, detail)

    def add_named(self, kind: str, names: list[str], what: str) -> None:
        """Note what was found by its names, of which some are shown."""
        self.add(kind, len(names), f"{what}: {', '.join(names[:SHOWN])}")

    @contextmanager
    def guarded(self, part: str) -> Iterator[None]:
        """Keep others from the failure of one part, job or collection: it is noted, and tried again next time.

        Raises:
            TurnLost: another process reconciles.
        """
        self._renew()
        try:
            yield
        except TurnLost:
            raise
        except StoreUnavailable as error:
            log.warning("reconcile.put_off", part=part, reason=str(error))
            self._failed.append(f"{part}: {error}")
        except Exception as error:
            # Whatever one job has met, the others are to be repaired.
            log.exception("reconcile.failed", part=part)
            self._failed.append(f"{part}: {type(error).__name__}")

    def findings(self) -> tuple[Finding, ...]:
        """Return what was found, and in the end what failed."""
        found = [Finding(kind, count, self._details[kind]) for kind, count in self._counts.items()]
        if self._failed:
            found.append(Finding("repair_failed", len(self._failed), "; ".join(self._failed[:SHOWN])))
        return tuple(found)
