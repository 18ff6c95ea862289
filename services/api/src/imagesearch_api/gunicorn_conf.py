"""Configure gunicorn: `gunicorn --config python:imagesearch_api.gunicorn_conf`.

Gunicorn reads the names of this module as its settings, so they stand at its top.
"""

from __future__ import annotations

from imagesearch_api.settings import ApiSettings

worker_class = "imagesearch_api.server.worker.Worker"
threads = ApiSettings().threads()
keepalive = 75
"""Longer than callers and balancers keep a connection: who closes first must not be the API, whose goodbye could
cross a request."""
graceful_timeout = 10
control_socket_disable = True
"""It would lie in the home directory, which a container may not have."""
