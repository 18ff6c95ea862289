"""More searches than a process takes are turned away at once, and the others are not disturbed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from imagesearch.errors import StoreUnavailable
from imagesearch_api.admission import Admission
from imagesearch_api.app import create_app
from imagesearch_api.composition import Services
from imagesearch_api.problems import Busy
from imagesearch_api.settings import ApiSettings


def test_places_are_given_back_whatever_happens() -> None:
    admission = Admission(2)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), admission.admitted(), admission.admitted():
            raise ZeroDivisionError
    with admission.admitted(), admission.admitted(), pytest.raises(Busy), admission.admitted():
        pytest.fail("there was no place left")


class Untouched:
    """A catalogue that says so when it is asked."""

    def reading(self) -> None:
        raise StoreUnavailable("postgres", "asked")


def test_a_search_without_a_place_is_429_and_says_when_to_come_back() -> None:
    admission = Admission(1)
    services = SimpleNamespace(settings=ApiSettings(), admission=admission, catalog=Untouched())
    client = create_app(cast(Services, services)).test_client()
    body = {"vector": [1.0] * 512}
    with admission.admitted():
        refused = client.post("/api/v2/collections/any/search", json=body)
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert int(refused.headers["Retry-After"]) > 0
    assert client.post("/api/v2/collections/any/search", json=body).status_code == 503
