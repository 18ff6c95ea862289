"""Whatever the OpenAPI document allows, and much that it does not, gets an answer that the document knows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from support.drawing import encoded, photo_like
from support.system import System
from support.waiting import TIMEOUT

pytestmark = pytest.mark.e2e

EXAMPLES = 12
"""For each operation, in each of both ways. They are drawn alike in every run: more find something once and never
again. Forty took 300 CPU seconds of each run."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


SPARED = {"remove_collection", "rename_collection", "remove_image", "remove_images"}
"""Operations that would take away what the others are tried on."""


@dataclass(frozen=True)
class There:
    """What exists, for those requests that are not to end at a name that nobody knows."""

    schema: schemathesis.BaseSchema
    parameters: dict[str, Any]


@pytest.fixture(scope="module")
def there(system: System) -> There:
    with httpx.Client(base_url=system.url, timeout=TIMEOUT) as http:
        assert http.post("/api/v2/collections", json={"name": "described"}).status_code == 201
        pictures = [encoded(photo_like(seed)) for seed in (7000, 7001)]
        made = [
            http.post("/api/v2/collections/described/images", files={"image": picture}) for picture in pictures
        ]
        parameters = {"name": "described", "image_id": made[0].json()["id"], "job_id": made[0].json()["job"]}
    return There(schemathesis.openapi.from_url(f"{system.url}/api/v2/openapi.json"), parameters)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_answer_is_an_error_of_ours_or_undocumented(there: There, mode: GenerationMode) -> None:
    wrong, statuses = [], Counter[int]()
    for found in there.schema.get_all_operations():
        operation = found.ok()
        try:
            statuses += probe(operation, there, mode)
        except Unsatisfiable:
            # Nothing can be wrong about a request that has nothing in it.
            assert mode == GenerationMode.NEGATIVE
        except (AssertionError, FailureGroup) as error:
            wrong.append(f"{operation.label}: {error}")
    assert not wrong, "\n\n".join(wrong)
    expected = {200, 404} if mode == GenerationMode.POSITIVE else {400, 404}
    assert expected <= set(statuses), statuses


def probe(operation: schemathesis.schemas.APIOperation, there: There, mode: GenerationMode) -> Counter[int]:
    """Ask one operation in many ways, and count the answers by status."""
    statuses = Counter[int]()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        if sum(statuses.values()) % 4 and operation.definition.raw["operationId"] not in SPARED:
            case.path_parameters = {
                name: there.parameters.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        response = case.call(timeout=TIMEOUT)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)
        # Nothing was down and nobody else was there: neither of these has an excuse.
        assert response.status_code not in (429, 503), response.text

    ask()
    return statuses
