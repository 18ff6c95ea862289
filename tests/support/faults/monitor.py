"""Look at a running stack like Prometheus does: whether each process answers, and what it shows."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

INTERVAL = 1.0
"""Seconds between two looks: a minute of Prometheus', so that what takes it an hour is seen in one minute."""


class Monitor:
    """Remember what every process showed at each look.

    Args:
        pages: the address of each process' metrics, by the name of its scrape job.
    """

    def __init__(self, pages: Mapping[str, str]) -> None:
        self._pages = pages
        self._http = httpx.Client(timeout=10.0, trust_env=False)
        self._looks = 0
        self._seen: dict[str, dict[int, float]] = defaultdict(dict)

    def close(self) -> None:
        self._http.close()

    def watch(self, looks: int, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Look so many times, and do something before each."""
        for _ in range(looks):
            began = time.monotonic()
            meanwhile()
            self._look()
            time.sleep(max(0.0, began + INTERVAL - time.monotonic()))  # what is measured is time going by

    @property
    def minute(self) -> int:
        """The minute of the last look."""
        return self._looks - 1

    def series(self) -> dict[str, list[float | None]]:
        """Return every series, a value for each look."""
        return {
            name: [values.get(look) for look in range(self._looks)] for name, values in sorted(self._seen.items())
        }

    def forget(self) -> None:
        """Begin anew, like a Prometheus without a past."""
        self._looks = 0
        self._seen.clear()

    def _look(self) -> None:
        for job, page in self._pages.items():
            samples = list(self._scraped(page))
            self._note("up", {"job": job, "instance": page}, float(bool(samples)))
            for sample in samples:
                self._note(sample.name, {**sample.labels, "job": job, "instance": page}, sample.value)
        self._looks += 1

    def _scraped(self, page: str) -> Iterable[Sample]:
        try:
            text = self._http.get(page).raise_for_status().text
        except httpx.HTTPError:
            return []
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def _note(self, name: str, labels: Mapping[str, str], value: float) -> None:
        written = ",".join(f'{label}="{text}"' for label, text in sorted(labels.items()))
        self._seen[f"{name}{{{written}}}"][self._looks] = value
