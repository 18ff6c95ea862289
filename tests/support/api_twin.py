"""Stand in for the API's services where only some of what is behind them is there."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from prometheus_client import CollectorRegistry

from imagesearch.errors import StoreUnavailable
from imagesearch.settings import PictureSettings
from imagesearch_api.access import RateStorage
from imagesearch_api.composition import assemble
from imagesearch_api.services import Services
from imagesearch_api.settings import ApiSettings


class Down:
    """A catalogue that does not answer: whoever is told so was let in."""

    def reading(self) -> None:
        raise StoreUnavailable("postgres", "down in this test")

    transaction = reading


PARTS = (
    "catalog vectors latest progress workers send ask queries query_cache roots fetch_url uploads exports "
    "patient search_catalog key_catalog"
)


def services_of(settings: ApiSettings | None = None, **parts: Any) -> Services:
    """Return services as the settings say, made of the given parts; any other is missing."""
    always = {"limits": PictureSettings(), "rate_storage": RateStorage("memory://")}
    given: dict[str, Any] = {**dict.fromkeys(PARTS.split()), **always, **parts}
    for catalog in ("search_catalog", "key_catalog"):
        given[catalog] = given[catalog] or given["catalog"]
    given["metrics"] = CollectorRegistry()
    return assemble(settings or ApiSettings(), resources=ExitStack(), **given)
