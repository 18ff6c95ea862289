"""Send spans to a collector, in the background."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def exporting(service: str, endpoint: str) -> TracerProvider:
    """Return what records the spans of a service, and sends them by OTLP over HTTP until the process ends."""
    provider = TracerProvider(resource=Resource.create({"service.name": f"imagesearch-{service}"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
