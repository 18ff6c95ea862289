"""Tell whether this process lives, and whether everything behind it can work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from imagesearch.access.scopes import Scope
from imagesearch.catalog.migrate import is_current
from imagesearch.contract import Queue
from imagesearch.errors import StoreFull, StoreUnavailable
from imagesearch.messaging.room import require_room
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.callers import needs, public, tenancy
from imagesearch_api.http.lanes import Lane
from imagesearch_api.http.problems import RETRY_AFTER_SECONDS
from imagesearch_api.http.rates import known_caller
from imagesearch_api.services import Services, current

health = Blueprint("health", __name__)

NEEDED_QUEUES = (Queue.PLAN, Queue.EXTRACT, Queue.INDEX, Queue.QUERY)


@health.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """Answer as long as this process can."""
    return jsonify({"status": "ok"})


@health.get("/readyz")
@public
@admitted(Lane.STATUS)
def readyz() -> ResponseReturnValue:
    """Answer 200 when every store answers and a live worker consumes every queue, else 503 and what is missing.

    So it is where Redis answers and has no room for messages.

    Where API keys are needed, only callers that are bound to nothing are told what is missing.
    """
    services = current()
    return _ready({**_stores(services), **_workers(services), **_room(services)})


@health.get("/readyz/stores")
@public
@admitted(Lane.STATUS)
def readyz_stores() -> ResponseReturnValue:
    """Answer 200 when every store answers, else 503: whether requests may be sent to this process.

    Workers may be away for good reason: bulk extractors are scaled down to none, and started again by what this
    process says that there is to do.
    """
    services = current()
    return _ready({**_stores(services), "redis": _workers(services)["redis"]})


def _ready(components: Mapping[str, str]) -> ResponseReturnValue:
    is_ready = all(state == "ok" for state in components.values())
    asked_by = known_caller()
    tells = asked_by is not None and not asked_by.owner.tenancy.is_bound
    body = jsonify(
        {"status": "ok" if is_ready else "unavailable", **({"components": components} if tells else {})}
    )
    if is_ready:
        return body
    return body, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(RETRY_AFTER_SECONDS)}


def _room(services: Services) -> dict[str, str]:
    """Return what keeps Redis from taking messages; nothing where it does, or is away."""
    try:
        require_room(services.patient.client)
    except StoreFull as error:
        return {"redis": str(error)}
    except StoreUnavailable:
        return {}
    return {}


def _stores(services: Services) -> dict[str, str]:
    return {"postgres": _check(lambda: _schema(services)), "milvus": _check(services.search.vectors.ping)}


def _check(check: Callable[[], None]) -> str:
    try:
        check()
    except StoreUnavailable as error:
        return str(error)
    return "ok"


def _schema(services: Services) -> None:
    if not is_current(services.search.catalog):
        raise StoreUnavailable("postgres", "the schema is not migrated")


def _workers(services: Services) -> dict[str, str]:
    try:
        consumed = {queue for worker in services.jobs.workers.alive() for queue in worker.queues}
    except StoreUnavailable as error:
        return {"redis": str(error)}
    stages = {queue.partition(".")[0] for queue in consumed}
    queues = {f"queue {queue.value}": "ok" if queue in stages else "no worker" for queue in NEEDED_QUEUES}
    return {"redis": "ok", **queues}


@health.get("/metrics")
@needs(Scope.READ, is_counted=False)
def metrics() -> ResponseReturnValue:
    """Show the metrics of the API's processes, and figures about the whole system, to Prometheus.

    They are about everybody, so a bound key will not do. METRICS_PORT shows the same on a port of its own, without
    a key.
    """
    tenancy().require_everything()
    return Response(generate_latest(current().metrics), content_type=CONTENT_TYPE_LATEST)
