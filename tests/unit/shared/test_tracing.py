"""What is recorded belongs together across messages, and nothing is where nobody wants it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from imagesearch import tracing

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def recorded() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before = tracing.use(provider)
    yield exporter
    tracing.use(before)
    provider.shutdown()


def names(recorded: InMemorySpanExporter) -> list[str]:
    return [span.name for span in recorded.get_finished_spans()]


def test_a_message_and_its_handling_belong_to_the_trace_of_the_caller(recorded: InMemorySpanExporter) -> None:
    with tracing.request(CALLER):
        sent = tracing.headers()
    with tracing.handling(sent, "imagesearch.plan"), tracing.step("milvus", rows=3):
        tracing.describe(job_id="one")
    request, step, plan = recorded.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in (request, step, plan)} == {CALLER.split("-")[1]}
    assert request.parent is not None
    assert plan.parent is not None
    assert f"{request.parent.span_id:016x}" == CALLER.split("-")[2]
    assert plan.parent.span_id == request.context.span_id
    assert dict(step.attributes or {}) == {"rows": 3, "job_id": "one"}


def test_what_is_sent_for_a_job_belongs_to_its_trace_whoever_sends_it(recorded: InMemorySpanExporter) -> None:
    with tracing.request(None):
        own = tracing.headers()
        with tracing.step("postgres"):
            kept = tracing.traceparent()
    with tracing.request(None):
        with tracing.continuing(kept):
            assert tracing.headers() == own
        with tracing.continuing(None):
            assert tracing.headers() == {}, "a job without a trace is no part of whoever sends its batches"
        assert tracing.headers() not in ({}, own)


@pytest.mark.parametrize("brought", [None, {}, {"traceparent": 7}, {"traceparent": "00-0-0-00"}])
def test_a_message_without_a_trace_is_not_recorded(
    recorded: InMemorySpanExporter, brought: dict[str, object] | None
) -> None:
    with tracing.handling(brought, "imagesearch.reconcile"), tracing.step("postgres"):
        assert tracing.traceparent() is None
    assert names(recorded) == []


@pytest.mark.parametrize("given", ["", "garbage", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "x" * 10_000])
def test_a_caller_with_no_sane_trace_gets_a_new_one(recorded: InMemorySpanExporter, given: str) -> None:
    with tracing.request(given):
        pass
    (span,) = recorded.get_finished_spans()
    assert span.parent is None


def test_nothing_is_recorded_or_carried_without_an_endpoint() -> None:
    tracing.configure("api", "")
    with tracing.request(CALLER) as span, tracing.step("search"), tracing.continuing(CALLER):
        assert span is None
        assert tracing.headers() == {}
        assert tracing.traceparent() is None
