"""List what measures which figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bench.ground import Ground
from bench.speed import choice, indexer, ingest, loaded, million, recall, searching

MEASURES: Final[Mapping[tuple[str, ...], Callable[[Ground], None]]] = {
    ("engine_choice", "engine_choice_single"): choice.measure,
    ("engine_choice_int8", "engine_choice_single_int8"): choice.measure_int8,
    ("recall_at_10", "recall_at_10_noise"): recall.measure,
    ("plan_new", "plan_unchanged"): indexer.measure_planning,
    ("index_efficiency",): indexer.measure_writing,
    ("ingest_efficiency", "ingest_vs_published", "ingest_vs_published_ceiling"): ingest.measure,
    ("ingest_efficiency_int8",): ingest.measure_int8,
    ("search_by_id", "search_cached"): searching.measure_found,
    ("search_new",): searching.measure_new,
    ("search_under_bulk",): loaded.measure_beside,
    ("searches_per_second",): loaded.measure_rate,
    ("worker_peak",): million.measure_peak,
    ("process_poll", "process_poll_from_postgres"): million.measure_poll,
}
"""In this order: what needs no running product comes before it is started."""
