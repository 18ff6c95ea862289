"""Configure gunicorn: `gunicorn --config python:imagesearch_api.gunicorn_conf`.

Gunicorn reads the names of this module as its settings, so they stand at its top.
"""

from __future__ import annotations

from typing import Any

from imagesearch_api.metrics_directory import MetricsDirectory
from imagesearch_api.server.addresses import check_addresses
from imagesearch_api.settings import ApiSettings

worker_class = "imagesearch_api.server.worker.Worker"
threads = ApiSettings().threads()
keepalive = 75
"""Seconds, more than callers and load balancers keep an idle connection: if the API closed it first, a request
could be on its way already and get lost."""
limit_request_line = 0
"""The worker bounds the head of a request as a whole, at 32 KiB. A path of 2,400 bytes may take three times as
many in a URL; gunicorn's own limit refused it from 4,094 on, in words that the API does not use."""
graceful_timeout = 10
control_socket_disable = True
"""The control socket would lie in the home directory, which a container may not have."""


def on_starting(server: Any) -> None:
    """Let no API without keys listen where others reach it, and prepare what all worker processes share."""
    check_addresses(server.cfg.address, has_keys=ApiSettings().api_keys)
    server.metrics_directory = MetricsDirectory()


def on_exit(server: Any) -> None:
    """Remove what they shared."""
    server.metrics_directory.close()
