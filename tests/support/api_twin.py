"""Stand in for the API's services where no store is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from imagesearch_api.composition import Services
from imagesearch_api.http.lanes import Lanes
from imagesearch_api.memory import Memory
from imagesearch_api.settings import ApiSettings


def services_of(settings: ApiSettings | None = None, **parts: Any) -> Services:
    """Return services with lanes and memory as the settings say, and the given parts; any other is missing."""
    settings = settings or ApiSettings()
    memory = Memory(settings.max_held_bytes, settings.max_decoding_bytes, settings.memory_timeout)
    made = {"settings": settings, "lanes": Lanes(settings.places()), "memory": memory, **parts}
    if "catalog" in made:
        made.setdefault("search_catalog", made["catalog"])
    return cast(Services, SimpleNamespace(**made))
