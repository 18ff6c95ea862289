"""Trace a request through every process, as OpenTelemetry has it, where there is somebody to send traces to.

A request's trace begins with the API, or with whoever asked it (`traceparent`). Messages carry it in a header.
What is sent for a job much later, and by whoever has room for it, carries that of the job, which the job's row
keeps. Without an endpoint nothing is recorded, and a span costs a microsecond.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

HEADER = "traceparent"
"""Of HTTP and of messages: https://www.w3.org/TR/trace-context/. Older workers pass over it."""
_PROPAGATOR = TraceContextTextMapPropagator()
_provider: TracerProvider | None = None
_entry: ContextVar[str | None] = ContextVar("entry", default=None)


def configure(service: str, endpoint: str) -> None:
    """Have this process send its spans to a collector, in the background, until it ends.

    Args:
        service: what the spans are of.
        endpoint: of OTLP over HTTP, such as ``http://collector:4318``; empty for none. What else there is to
            choose are the SDK's own variables: OTEL_EXPORTER_OTLPHEADERS, OTEL_TRACES_SAMPLER and others.
    """
    global _provider  # noqa: PLW0603 - like the root logger, there is one for a process
    if not endpoint:
        return
    from imagesearch.trace_export import exporting  # noqa: PLC0415 - what nobody asked for is not loaded

    _provider = exporting(service, endpoint)


def use(provider: TracerProvider | None) -> TracerProvider | None:
    """Have spans recorded by a provider, or by none, and return the one before; for tests."""
    global _provider
    before, _provider = _provider, provider
    return before


@contextmanager
def request(traceparent: str | None) -> Iterator[Span | None]:
    """Record a request, as a part of its caller's trace if it names one; None where nothing is recorded."""
    if _provider is None:
        yield None
        return
    given = _PROPAGATOR.extract({HEADER: traceparent or ""})
    with _tracer(_provider).start_as_current_span("request", given, kind=SpanKind.SERVER) as span, _entered():
        yield span


def step(name: str, **attributes: str | int) -> AbstractContextManager[Any]:
    """Record a part of what is being recorded; nothing where that is nothing."""
    if _provider is None or not trace.get_current_span().get_span_context().is_valid:
        return nullcontext()
    return _tracer(_provider).start_as_current_span(name, attributes=attributes)


@contextmanager
def handling(headers: Mapping[str, object] | None, task: str) -> Iterator[None]:
    """Record the handling of a message that brings a trace."""
    brought = (headers or {}).get(HEADER)
    if _provider is None or not isinstance(brought, str):
        yield
        return
    given = _PROPAGATOR.extract({HEADER: brought})
    if not trace.get_current_span(given).get_span_context().is_valid:
        yield
        return
    with _tracer(_provider).start_as_current_span(task, given, kind=SpanKind.CONSUMER), _entered():
        yield


def describe(**attributes: str | int) -> None:
    """Say more about what is being recorded."""
    trace.get_current_span().set_attributes(attributes)


@contextmanager
def continuing(traceparent: str | None) -> Iterator[None]:
    """Have what is sent within the block belong to a trace, and not to the one that is being recorded."""
    if _provider is None:
        yield
        return
    token = context.attach(_PROPAGATOR.extract({HEADER: traceparent or ""}, context.Context()))
    try:
        yield
    finally:
        context.detach(token)


def headers() -> dict[str, str]:
    """Return what a message carries that is sent now."""
    carried: dict[str, str] = {}
    if _provider is not None:
        _PROPAGATOR.inject(carried)
    return {name: value for name, value in carried.items() if name == HEADER}


def traceparent() -> str | None:
    """Return where in its trace the request or message is that is being recorded; None where nothing is."""
    return _entry.get()


@contextmanager
def _entered() -> Iterator[None]:
    token = _entry.set(headers().get(HEADER))
    try:
        yield
    finally:
        _entry.reset(token)


def _tracer(provider: TracerProvider) -> trace.Tracer:
    return provider.get_tracer("imagesearch")
