"""Hold what the routes work with: one port for each kind of use case, and what bounds them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Event

from flask import current_app
from prometheus_client import CollectorRegistry

from imagesearch.catalog.engine import Catalog
from imagesearch.doctor.examine import Patient
from imagesearch.files.exports import Exports
from imagesearch_api.access import Access, RateStorage
from imagesearch_api.http.lanes import Lanes
from imagesearch_api.images.deletion import Deletes
from imagesearch_api.images.write import Writes
from imagesearch_api.jobs.latest import LatestJob
from imagesearch_api.jobs.ports import Ask, Jobs
from imagesearch_api.memory import Memory
from imagesearch_api.pictures import Pictures
from imagesearch_api.search.ports import Search
from imagesearch_api.settings import ApiSettings


@dataclass(frozen=True)
class Services:
    """Bundle the ports.

    Attributes:
        catalog: the catalogue, by connections that all but searches and checks of readiness share.
        search: finds pictures, by connections to the catalogue that nobody else takes.
        comparison: compares pictures, by those that are shared.
        exports: where exports are kept; None where nothing is exported.
        ask: asks the indexer.
        lanes: bound the requests of each kind in flight.
        memory: bounds what they read and decode.
        access: tells who calls.
        rate_storage: where requests are counted.
        metrics: what Prometheus is shown.
        patient: what the doctor looks at.
        resources: what `close` closes.
        stopping: set when the process is told to stop: nobody waits any longer then.
    """

    settings: ApiSettings
    catalog: Catalog
    jobs: Jobs
    latest: LatestJob
    deletes: Deletes
    writes: Writes
    search: Search
    comparison: Search
    pictures: Pictures
    exports: Exports | None
    ask: Ask
    lanes: Lanes
    memory: Memory
    access: Access
    rate_storage: RateStorage
    metrics: CollectorRegistry
    patient: Patient
    resources: ExitStack = field(default_factory=ExitStack)
    stopping: Event = field(default_factory=Event)

    def close(self) -> None:
        """End every thread and close every connection; a second time does nothing."""
        self.resources.close()


def current() -> Services:
    """Return the services of the application that answers the current request."""
    services: Services = current_app.extensions["services"]
    return services
