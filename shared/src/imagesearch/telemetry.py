"""Configure structured logs and declare every metric before it is used."""

from __future__ import annotations

import logging
import sys
from threading import Thread
from typing import Literal
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server
from pydantic import Field

from imagesearch.settings import Settings

IMAGES_FINISHED = Counter(
    "imagesearch_images_finished_total", "Pictures that reached their outcome in a job.", ["outcome"]
)
IMAGES_FAILED = Counter("imagesearch_images_failed_total", "Pictures that failed, by cause.", ["code"])
BATCHES_RESENT = Counter("imagesearch_batches_resent_total", "Batches sent again because they were lost.")
JOBS_STALLED = Gauge("imagesearch_jobs_stalled", "Jobs with work left and no progress for too long.")
FORWARD_SECONDS = Histogram("imagesearch_forward_seconds", "Time of one forward pass.", ["queue"])
SEARCH_SECONDS = Histogram("imagesearch_search_seconds", "Time of one search by stage.", ["stage"])
HTTP_RESPONSES = Counter("imagesearch_http_responses_total", "Answers of the API.", ["route", "status"])


class TelemetrySettings(Settings):
    """How a process reports about itself."""

    log_format: Literal["json", "console"] = Field("json", description="One JSON object a line, or readable text.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe level shown."
    )
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of this process' Prometheus page; 0 for none.")
    metrics_host: str = Field("127.0.0.1", description="Address that the Prometheus page listens on.")


class MetricsPage:
    """Show this process' metrics to Prometheus until it is closed."""

    def __init__(self, settings: TelemetrySettings) -> None:
        self._serving: tuple[WSGIServer, Thread] | None = None
        if settings.metrics_port:
            self._serving = start_http_server(settings.metrics_port, addr=settings.metrics_host)

    def close(self) -> None:
        """Close the port, where there is one, and wait until its thread has ended."""
        serving, self._serving = self._serving, None
        if serving is not None:
            server, thread = serving
            server.shutdown()
            server.server_close()
            thread.join()


def configure(service: str, settings: TelemetrySettings) -> MetricsPage:
    """Send structlog's and the standard library's records to stdout in one format, and open the metrics page."""
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
    # Celery reports each message sent, received and finished at INFO: lines that nobody reads.
    for noisy in ("celery.worker.strategy", "celery.app.trace", "celery.beat", "alembic", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)
    return MetricsPage(settings)


def log_settings(*groups: Settings) -> None:
    """Log every setting once at start, secrets hidden."""
    log = structlog.get_logger()
    for group in groups:
        log.info("settings", group=type(group).__name__, **group.describe())
