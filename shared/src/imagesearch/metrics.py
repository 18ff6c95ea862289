"""Declare every metric before it is used; the dashboard and the alert rules are held against these names."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily

from imagesearch.contract import Outcome
from imagesearch.errors import Resource, Shortage
from imagesearch.failures import FailureCode

SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# What a process has done.
IMAGES_FINISHED = Counter(
    "imagesearch_images_finished_total", "Pictures that reached their outcome in a job.", ["outcome"]
)
IMAGES_FAILED = Counter("imagesearch_images_failed_total", "Pictures that failed, by cause.", ["code"])
JOBS_ENDED = Counter("imagesearch_jobs_ended_total", "Jobs that ended, single-image jobs too.", ["kind", "state"])
BATCHES_RESENT = Counter("imagesearch_batches_resent_total", "Batches sent again because they were lost.")
RETRIES = Counter("imagesearch_retries_total", "Tries that failed and are made again, by work.", ["doing"])
STORE_ERRORS = Counter("imagesearch_store_errors_total", "Calls that a store did not answer.", ["store"])
STORE_FULL = Counter(
    "imagesearch_store_full_total", "Calls that a store refused because it has no room.", ["store", "lacks"]
)
RECONCILE_RUNS = Counter("imagesearch_reconcile_runs_total", "Reconciliations, by how they ended.", ["result"])
RECONCILE_FINDINGS = Counter(
    "imagesearch_reconcile_findings_total", "What reconciliation found and repaired, by kind.", ["kind"]
)
VECTORS_COLLECTED = Counter("imagesearch_vectors_collected_total", "Buried vectors that were deleted.")
HTTP_RESPONSES = Counter("imagesearch_http_responses_total", "Answers of the API.", ["route", "status"])
LANE_REFUSALS = Counter(
    "imagesearch_lane_refusals_total",
    "Requests turned away because every place of their kind was taken.",
    ["lane"],
)
RATE_REFUSALS = Counter(
    "imagesearch_rate_refusals_total",
    "Requests turned away because too many came in a minute: of one caller, or with wrong keys from one address.",
    ["code"],
)
QUOTA_REFUSALS = Counter(
    "imagesearch_quota_refusals_total",
    "Requests turned away because a tenant has as much as its quota allows, by what that is.",
    ["resource"],
)
QUERY_CACHE = Counter(
    "imagesearch_query_cache_total", "Pictures of searches, by whether their vector was remembered.", ["result"]
)
THUMBNAIL_CACHE = Counter(
    "imagesearch_thumbnail_cache_total", "Thumbnails that were sent, by whether they were remembered.", ["result"]
)
FORWARD_SECONDS = Histogram("imagesearch_forward_seconds", "Time of one forward pass.", ["queue"])
SEARCH_SECONDS = Histogram("imagesearch_search_seconds", "Time of one search by stage.", ["stage"])
STAGE_SECONDS = Histogram(
    "imagesearch_stage_seconds",
    "Time of one stage of bulk work: read and decode a picture, extract, send and index a batch.",
    ["stage"],
    buckets=SECONDS,
)
STORE_SECONDS = Histogram(
    "imagesearch_store_seconds",
    "Time of one call to a store: a statement of Postgres, a request to Milvus.",
    ["store"],
    buckets=SECONDS,
)

# To Prometheus a counter that appears with its first event has not grown: what alerts ask for begins at zero.
for _outcome in Outcome:
    IMAGES_FINISHED.labels(_outcome.value)
for _code in FailureCode:
    IMAGES_FAILED.labels(_code.value)
for _resource in Resource:
    QUOTA_REFUSALS.labels(_resource.value)
for _result in ("done", "put_off"):
    RECONCILE_RUNS.labels(_result)
for _store in ("postgres", "redis", "milvus", "uploads"):
    STORE_ERRORS.labels(_store)
for _store, _lacks in (
    ("postgres", Shortage.CONNECTIONS),
    ("postgres", Shortage.DISK),
    ("postgres", Shortage.MEMORY),
    ("redis", Shortage.DISK),
    ("redis", Shortage.MEMORY),
    ("milvus", Shortage.DISK),
    ("milvus", Shortage.MEMORY),
    ("milvus", Shortage.QUOTA),
    ("files", Shortage.DISK),
    ("uploads", Shortage.DISK),
    ("temporary files", Shortage.DISK),
):
    STORE_FULL.labels(_store, _lacks.value)


@dataclass(frozen=True, slots=True)
class Figure:
    """Declare a gauge about the system as a whole, which each API process measures whenever it is asked.

    Every API process shows the same value, so rules and panels take the maximum of all.
    """

    name: str
    documentation: str
    labels: tuple[str, ...] = ()

    def family(self) -> GaugeMetricFamily:
        """Return the metric, without a value yet."""
        return GaugeMetricFamily(self.name, self.documentation, labels=self.labels)

    def at(self, value: float, *labels: str) -> GaugeMetricFamily:
        """Return the metric with one value."""
        family = self.family()
        family.add_metric(labels, value)
        return family


STORE_UP = Figure("imagesearch_store_up", "1 while a store answers in time, else 0.", ("store",))
QUEUE_MESSAGES = Figure(
    "imagesearch_queue_messages",
    "Messages of a queue, those that wait and those in a worker's hands.",
    ("queue", "state"),
)
WORKERS = Figure("imagesearch_workers", "Live workers that consume a queue.", ("queue",))
JOBS_OPEN = Figure("imagesearch_jobs_open", "Jobs that have not ended.", ("kind", "state"))
JOBS_STALLED = Figure("imagesearch_jobs_stalled", "Jobs with work left and no progress for too long.")
VECTORS_BURIED = Figure(
    "imagesearch_vectors_buried", "Vectors that no row names and that are not deleted yet, up to 100,000."
)
VECTORS_BURIED_AGE = Figure(
    "imagesearch_vectors_buried_age_seconds", "For how long the oldest of them has waited to be deleted."
)
REDIS_MEMORY_BYTES = Figure("imagesearch_redis_memory_bytes", "Memory that Redis uses.")
REDIS_MEMORY_LIMIT_BYTES = Figure("imagesearch_redis_memory_limit_bytes", "Its maxmemory; 0 for none.")
DISK_FREE_BYTES = Figure("imagesearch_disk_free_bytes", "Free space where files are stored.", ("place",))
DISK_BYTES = Figure("imagesearch_disk_bytes", "All space there.", ("place",))
