"""Configure structured logs, and show the metrics of a process to Prometheus."""

from __future__ import annotations

import logging
import socket
import sys
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Literal
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app
from pydantic import Field

from imagesearch import tracing
from imagesearch.settings import Settings


class TelemetrySettings(Settings):
    """How a process reports about itself."""

    log_format: Literal["json", "console"] = Field("json", description="One JSON object a line, or readable text.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe level shown."
    )
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of this process' Prometheus page; 0 for none.")
    metrics_host: str = Field("127.0.0.1", description="Address that the Prometheus page listens on.")
    otel_exporter_otlp_endpoint: str = Field(
        "", description="Where traces go, as OTLP over HTTP (`http://collector:4318`); empty for nowhere."
    )


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)


class _SharedServer(_Server):
    """Listen beside other processes on one port: the kernel picks who answers."""

    allow_reuse_port = True


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """Log nothing: a scrape comes every few seconds."""


class MetricsPage:
    """Show metrics to Prometheus until it is closed."""

    def __init__(
        self, settings: TelemetrySettings, registry: CollectorRegistry = REGISTRY, *, shared: bool = False
    ) -> None:
        """Open the port of the settings, where there is one.

        Args:
            settings: the address.
            registry: what is shown.
            shared: other processes listen on the same port, and any of them can answer for all.
        """
        self._serving: tuple[WSGIServer, Thread] | None = None
        if settings.metrics_port:
            server = make_server(
                settings.metrics_host,
                settings.metrics_port,
                make_wsgi_app(registry),
                _SharedServer if shared else _Server,
                _SilentHandler,
            )
            thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
            thread.start()
            self._serving = server, thread

    def close(self) -> None:
        """Close the port, where there is one, and wait until its thread has ended."""
        serving, self._serving = self._serving, None
        if serving is not None:
            server, thread = serving
            server.shutdown()
            server.server_close()
            thread.join()


def configure(service: str, settings: TelemetrySettings) -> MetricsPage:
    """Send logs to stdout in one format, traces to who wants them, and open the page of this process' metrics."""
    configure_logs(service, settings)
    tracing.configure(service, settings.otel_exporter_otlp_endpoint)
    return MetricsPage(settings)


def configure_logs(service: str, settings: TelemetrySettings) -> None:
    """Send structlog's and the standard library's records to stdout in one format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # Celery reports each message sent, received and finished at INFO, and Flask-Limiter each request that is
    # refused: lines that nobody reads. What clients of S3 say at DEBUG holds signatures.
    for noisy in (
        "flask-limiter",
        "celery.worker.strategy",
        "celery.app.trace",
        "celery.beat",
        "alembic",
        "httpx",
        "aiobotocore",
        "botocore",
        "fsspec",
        "s3fs",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def log_settings(*groups: Settings) -> None:
    """Log every setting once at start, secrets hidden."""
    log = structlog.get_logger()
    for group in groups:
        log.info("settings", group=type(group).__name__, **group.describe())
