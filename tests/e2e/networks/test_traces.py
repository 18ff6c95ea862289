"""One trace leads from a request to the last row that came of it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from support.collector import Collector, Seen
from support.drawing import encoded, photo_like
from support.waiting import until

pytestmark = pytest.mark.e2e

CALLER, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARTS = {
    ("imagesearch-api", "POST /api/v2/jobs"),
    ("imagesearch-indexer", "imagesearch.plan"),
    ("imagesearch-extractor", "imagesearch.extract"),
    ("imagesearch-extractor", "forward"),
    ("imagesearch-indexer", "imagesearch.index"),
    ("imagesearch-indexer", "milvus"),
    ("imagesearch-indexer", "postgres"),
}


def test_a_job_is_one_trace_from_its_request_to_its_rows(
    http: httpx.Client, collector: Collector, album: Path
) -> None:
    headers = {"traceparent": f"00-{CALLER}-{SPAN}-01"}
    answer = http.post("/api/v2/jobs", json={"source": str(album), "collection": "traced"}, headers=headers)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["id"]

    def found() -> list[Seen]:
        return [span for span in collector.spans if span.trace_id == CALLER]

    until(lambda: http.get(f"/api/v2/jobs/{job_id}").json()["finished_at"] is not None)
    until(lambda: {(span.service, span.name) for span in found()} >= PARTS)
    batches = [span for span in found() if span.name == "imagesearch.index"]
    assert {span.attributes["job_id"] for span in batches} == {job_id}
    # 40 pictures in batches of 16.
    until(lambda: len({span.attributes["batch_id"] for span in found() if span.name == "imagesearch.index"}) == 3)
    until(lambda: _is_whole(found()))


def _is_whole(spans: list[Seen]) -> bool:
    """Tell whether the parent of each span was sent, too, but for the caller's."""
    return {span.parent_id for span in spans} <= {SPAN, *(span.span_id for span in spans)}


def test_a_search_is_recorded_with_its_stages(http: httpx.Client, collector: Collector) -> None:
    trace_id = "5bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-{SPAN}-01"}
    files = {"image": encoded(photo_like(7))}
    answer = http.post("/api/v2/collections/traced/search", files=files, headers=headers)
    assert answer.status_code == 200, answer.text
    names = {"POST /api/v2/collections/<name>/search", "decode", "extract", "search"}
    until(lambda: {span.name for span in collector.spans if span.trace_id == trace_id} >= names)
