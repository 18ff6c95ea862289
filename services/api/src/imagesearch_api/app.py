"""Build the Flask application."""

from __future__ import annotations

import atexit
import re

from flask import Flask, Response, request
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from imagesearch.metrics import HTTP_RESPONSES
from imagesearch_api.composition import compose
from imagesearch_api.health import health
from imagesearch_api.http import problems, spooling
from imagesearch_api.http.callers import judge_callers
from imagesearch_api.http.foreign import guard
from imagesearch_api.http.origins import EVERY_ORIGIN
from imagesearch_api.http.quotas import answer_refusals
from imagesearch_api.http.rates import limit_rates
from imagesearch_api.http.request_ids import HEADER as REQUEST_ID
from imagesearch_api.http.request_ids import name_requests
from imagesearch_api.http.request_resources import Holding
from imagesearch_api.http.response_headers import protect
from imagesearch_api.http.traces import trace_requests
from imagesearch_api.page.assets import REFERENCE, WEB, Assets
from imagesearch_api.page.routes import page, reference
from imagesearch_api.services import Services
from imagesearch_api.v1 import LastSeen, v1
from imagesearch_api.v2 import (
    aliases,
    callbacks,
    collections,
    description,
    duplicates,
    exports,
    facets,
    files,
    image_deletion,
    images,
    info,
    jobs,
    keys,
    quotas,
    reindex,
    search,
    session,
    v2,
)

ROUTES = (
    jobs,
    callbacks,
    collections,
    facets,
    aliases,
    duplicates,
    exports,
    reindex,
    images,
    image_deletion,
    files,
    info,
    search,
    session,
    keys,
    quotas,
    description,
)
"""The modules whose import gives the v2 blueprint its routes."""


def create_app(services: Services | None = None) -> Flask:
    """Build the application on the given services, or on services that the environment describes.

    The caller closes services that it gives; services that are built here are closed when the process ends.
    """
    if services is None:
        services = compose()
        # gunicorn takes hooks only from configuration files, but its workers run what is registered here.
        atexit.register(services.close)
    app = Flask("imagesearch_api", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = False
    app.extensions["services"] = services
    app.extensions["last_seen"] = LastSeen()
    settings = services.settings
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    spooling.adopt(app)
    # The client of the published contract is served from another origin.
    CORS(
        app,
        resources={r"/api/*": {"origins": [_exactly(origin) for origin in settings.cors_origins]}},
        expose_headers=["Location", "Retry-After", REQUEST_ID],
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)  # type: ignore[method-assign]
    app.wsgi_app = Holding(app.wsgi_app)  # type: ignore[method-assign]
    # First, so that a refusal has its id as well.
    name_requests(app)
    trace_requests(app)
    guard(app, public_url=settings.public_url, hosts=settings.allowed_hosts, origins=settings.cors_origins)
    judge_callers(app)
    limit_rates(
        app,
        services.rate_storage,
        requests=settings.requests_per_minute,
        wrong_keys=settings.wrong_keys_per_minute,
    )
    app.register_blueprint(v1)
    app.register_blueprint(v2)
    app.register_blueprint(health)
    app.register_blueprint(page(Assets.read(WEB)))
    app.register_blueprint(reference(Assets.read(REFERENCE)))
    problems.register(app)
    answer_refusals(app)
    app.after_request(_count)
    protect(app)
    return app


def _exactly(origin: str) -> str | re.Pattern[str]:
    """Return what matches this origin alone: the brackets of IPv6 would make it a pattern of its own."""
    return origin if origin == EVERY_ORIGIN else re.compile(re.escape(origin) + r"\Z", re.IGNORECASE)


def _count(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "unknown"
    HTTP_RESPONSES.labels(route, str(response.status_code)).inc()
    return response
