"""The description is kept, and nothing of it that callers rely on goes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from imagesearch_api.app import create_app
from imagesearch_api.openapi.document import document
from support.api_twin import services_of
from tools.api_changes import breaking
from tools.api_document import CURRENT, RELEASED, text

Document = dict[str, Any]


@pytest.fixture(scope="module")
def described() -> Document:
    found: Document = json.loads(text(document(create_app(services_of()))))
    return found


def test_the_kept_description_is_that_of_the_routes(described: Document) -> None:
    assert CURRENT.read_text() == text(described), "make docs writes it"


def test_nothing_that_callers_of_the_last_release_rely_on_has_gone(described: Document) -> None:
    assert breaking(json.loads(RELEASED.read_text()), described) == []


def _schema(described: Document, name: str) -> Document:
    found: Document = described["components"]["schemas"][name]
    return found


def _lose_route(described: Document) -> None:
    del described["paths"]["/api/v2/jobs/{job_id}/retry"]


def _lose_field(described: Document) -> None:
    del _schema(described, "Job")["properties"]["eta_seconds"]


def _refuse_field(described: Document) -> None:
    del _schema(described, "JobBody")["properties"]["prune"]


def _require_field(described: Document) -> None:
    _schema(described, "SearchBody")["required"] = ["top_k"]


def _answer_null(described: Document) -> None:
    _schema(described, "Result")["properties"]["distance"] = {"anyOf": [{"type": "number"}, {"type": "null"}]}


def _refuse_value(described: Document) -> None:
    _schema(described, "CollectionBody")["properties"]["index_type"]["enum"].remove("FLAT")


def _refuse_null(described: Document) -> None:
    _schema(described, "JobBody")["properties"]["partition"] = {"type": "string"}


def _require_parameter(described: Document) -> None:
    described["paths"]["/api/v2/jobs"]["post"]["parameters"][0]["required"] = True


def _lose_parameter(described: Document) -> None:
    described["paths"]["/api/v2/jobs"]["get"]["parameters"] = []


def _lose_form(described: Document) -> None:
    del described["paths"]["/api/v2/collections/{name}/search"]["post"]["requestBody"]["content"][
        "multipart/form-data"
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_lose_route, "POST /api/v2/jobs/{job_id}/retry is gone"),
        (_lose_field, "GET /api/v2/jobs/{job_id} 200 eta_seconds is gone"),
        (_refuse_field, "POST /api/v2/jobs prune is gone"),
        (_require_field, "POST /api/v2/collections/{name}/search top_k is required"),
        (_answer_null, "POST /api/v2/collections/{name}/search 200 results[] distance may be null"),
        (_refuse_value, "POST /api/v2/collections index_type is no longer one of FLAT"),
        (_refuse_null, "POST /api/v2/jobs partition is no longer null"),
        (_require_parameter, "POST /api/v2/jobs: the parameter Idempotency-Key is required"),
        (_lose_parameter, "GET /api/v2/jobs: the parameter limit is gone"),
        (_lose_form, "POST /api/v2/collections/{name}/search takes no multipart/form-data"),
    ],
)
def test_what_breaks_callers_is_found(described: Document, change: Callable[[Document], None], said: str) -> None:
    changed = copy.deepcopy(described)
    change(changed)
    assert any(said in one for one in breaking(described, changed)), breaking(described, changed)


def test_what_is_new_breaks_nobody(described: Document) -> None:
    changed = copy.deepcopy(described)
    _schema(changed, "Job")["properties"]["mood"] = {"type": "string"}
    _schema(changed, "JobBody")["properties"]["mood"] = {"type": "string"}
    changed["paths"]["/api/v2/moods"] = changed["paths"]["/api/v2/jobs"]
    assert breaking(described, changed) == []
