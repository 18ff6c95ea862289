"""Each alert fires when it has to, over series as Prometheus stores them, and keeps quiet while all is well."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from support.promtool import RULES, Series, disagreement, promtool

pytestmark = pytest.mark.alerts

MINUTES = 61
Values = Sequence[float | None]


def flat(value: float) -> Values:
    return [value] * MINUTES


def growing(each_minute: float) -> Values:
    return [each_minute * minute for minute in range(MINUTES)]


def since(minute: int, value: float, before: float) -> Values:
    return [before if passed < minute else value for passed in range(MINUTES)]


def stands_from(minute: int, each_minute: float) -> Values:
    return [each_minute * min(passed, minute) for passed in range(MINUTES)]


WELL: Series = {
    'up{job="imagesearch-api",instance="one"}': flat(1),
    'up{job="imagesearch-api",instance="two"}': flat(1),
    'up{job="imagesearch-indexer",instance="three"}': flat(1),
    'imagesearch_store_up{store="milvus",instance="one"}': flat(1),
    'imagesearch_store_up{store="milvus",instance="two"}': flat(1),
    'imagesearch_workers{queue="extract"}': flat(2),
    'imagesearch_reconcile_runs_total{result="done"}': growing(6),
    "imagesearch_jobs_stalled": flat(0),
    'imagesearch_queue_messages{queue="extract",state="waiting"}': flat(8),
    'imagesearch_queue_messages{queue="extract",state="in_hand"}': flat(2),
    'imagesearch_images_finished_total{outcome="indexed"}': growing(600),
    'imagesearch_images_finished_total{outcome="failed"}': growing(60),
    'imagesearch_images_failed_total{code="wrong_pipeline"}': flat(0),
    'imagesearch_images_failed_total{code="not_found"}': growing(60),
    'imagesearch_http_responses_total{route="/search",status="200"}': growing(600),
    'imagesearch_http_responses_total{route="/search",status="503"}': growing(6),
    'imagesearch_http_responses_total{route="/readyz",status="503"}': growing(600),
    "imagesearch_redis_memory_bytes": flat(8e9),
    "imagesearch_redis_memory_limit_bytes": flat(10e9),
    'imagesearch_disk_free_bytes{place="uploads"}': flat(10e9),
    'imagesearch_disk_bytes{place="uploads"}': flat(100e9),
    'imagesearch_store_full_total{store="milvus",lacks="quota"}': flat(0),
    'imagesearch_store_errors_total{store="milvus"}': growing(1),
    'imagesearch_retries_total{doing="index"}': growing(1),
    "imagesearch_batches_resent_total": growing(0.1),
    'imagesearch_lane_refusals_total{lane="search"}': growing(1),
    'imagesearch_search_seconds_bucket{stage="search",le="2.5"}': growing(600),
    'imagesearch_search_seconds_bucket{stage="search",le="0.5"}': growing(590),
    'imagesearch_search_seconds_bucket{stage="search",le="+Inf"}': growing(600),
    "imagesearch_vectors_buried_age_seconds": flat(3600),
}

CASES: dict[str, tuple[Series, set[str]]] = {
    "all is well": ({}, set()),
    "no API answers": (
        {f'up{{job="imagesearch-api",instance="{name}"}}': since(30, 0, 1) for name in ("one", "two")},
        {"ImageSearchApiDown", "ImageSearchProcessDown"},
    ),
    "no API was ever there": (
        {f'up{{job="imagesearch-api",instance="{name}"}}': [None] * MINUTES for name in ("one", "two")},
        {"ImageSearchApiDown"},
    ),
    "one API of two does not answer": (
        {'up{job="imagesearch-api",instance="two"}': since(30, 0, 1)},
        {"ImageSearchProcessDown"},
    ),
    "a store answers no API": (
        {f'imagesearch_store_up{{store="milvus",instance="{name}"}}': since(30, 0, 1) for name in ("one", "two")},
        {"ImageSearchStoreDown"},
    ),
    "a store answers one API of two": (
        {'imagesearch_store_up{store="milvus",instance="two"}': since(30, 0, 1)},
        set(),
    ),
    "nobody consumes a queue": (
        {'imagesearch_workers{queue="extract"}': since(30, 0, 2)},
        {"ImageSearchNoWorker"},
    ),
    "reconciliation stands": (
        {'imagesearch_reconcile_runs_total{result="done"}': stands_from(30, 6)},
        {"ImageSearchNoReconciliation"},
    ),
    "reconciliation was never there": (
        {'imagesearch_reconcile_runs_total{result="done"}': [None] * MINUTES},
        {"ImageSearchNoReconciliation"},
    ),
    "a job stands": ({"imagesearch_jobs_stalled": since(30, 3, 0)}, {"ImageSearchJobStalled"}),
    "batches wait and none is finished": (
        {
            'imagesearch_images_finished_total{outcome="indexed"}': stands_from(30, 600),
            'imagesearch_images_finished_total{outcome="failed"}': stands_from(30, 60),
        },
        {"ImageSearchQueueStuck"},
    ),
    "nothing waits and none is finished": (
        {
            'imagesearch_images_finished_total{outcome="indexed"}': stands_from(30, 600),
            'imagesearch_images_finished_total{outcome="failed"}': stands_from(30, 60),
            'imagesearch_queue_messages{queue="extract",state="waiting"}': flat(0),
            'imagesearch_queue_messages{queue="extract",state="in_hand"}': flat(0),
        },
        set(),
    ),
    "requests fail": (
        {'imagesearch_http_responses_total{route="/search",status="503"}': growing(60)},
        {"ImageSearchRequestsFail"},
    ),
    "pictures meet another network": (
        {'imagesearch_images_failed_total{code="wrong_pipeline"}': since(50, 5, 0)},
        {"ImageSearchWrongNetwork"},
    ),
    "a store takes nothing more": (
        {'imagesearch_store_full_total{store="milvus",lacks="quota"}': growing(20)},
        {"ImageSearchStoreFull"},
    ),
    "Redis is nearly full": ({"imagesearch_redis_memory_bytes": since(30, 9.5e9, 8e9)}, {"ImageSearchRedisFull"}),
    "Redis has no limit": ({"imagesearch_redis_memory_limit_bytes": flat(0)}, set()),
    "a disk is nearly full": (
        {'imagesearch_disk_free_bytes{place="uploads"}': since(30, 4e9, 10e9)},
        {"ImageSearchDiskFull"},
    ),
    "calls to a store fail": (
        {'imagesearch_store_errors_total{store="milvus"}': growing(6)},
        {"ImageSearchStoreFails"},
    ),
    "work is tried again": ({'imagesearch_retries_total{doing="index"}': growing(6)}, {"ImageSearchWorkRepeated"}),
    "batches are lost": ({"imagesearch_batches_resent_total": growing(1)}, {"ImageSearchBatchesLost"}),
    "pictures fail": (
        {'imagesearch_images_finished_total{outcome="failed"}': growing(300)},
        {"ImageSearchPicturesFail"},
    ),
    "requests are turned away": (
        {'imagesearch_lane_refusals_total{lane="search"}': growing(12)},
        {"ImageSearchBusy"},
    ),
    "searches are slow": (
        {'imagesearch_search_seconds_bucket{stage="search",le="0.5"}': growing(300)},
        {"ImageSearchSlow"},
    ),
    "buried vectors stay": (
        {"imagesearch_vectors_buried_age_seconds": since(30, 7300, 60)},
        {"ImageSearchVectorsNotCollected"},
    ),
}


def test_promtool_takes_the_rules() -> None:
    assert promtool("check", "rules", str(RULES)) == ""


def test_there_is_a_case_for_each_alert() -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in rules} == set().union(*(firing for _, firing in CASES.values()))


@pytest.mark.parametrize("case", CASES)
def test_what_fires(case: str, tmp_path: Path) -> None:
    changed, firing = CASES[case]
    assert changed.keys() <= WELL.keys()
    assert disagreement(tmp_path, {**WELL, **changed}, {MINUTES - 1: firing}) == ""
