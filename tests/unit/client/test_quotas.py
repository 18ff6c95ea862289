"""The client and the command list quotas, and a refusal by one keeps its code."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from imagesearch_client import ApiError
from support.fake_api import FakeApi, Run, ok

QUOTAS = "/api/v2/quotas"
SHOWN: dict[str, Any] = {
    "id": 1,
    "collection": None,
    "partition": "anna",
    "images": 1_000,
    "bytes": 2_000_000,
    "jobs": 0,
    "max_images": 1_000,
    "max_bytes": None,
    "max_jobs": 2,
    "counted": True,
}


def test_quotas_are_listed_with_what_is_used(api: FakeApi, run: Run) -> None:
    api.on("GET", QUOTAS, ok({"items": [SHOWN], "next": None}))
    assert run("quotas").stdout.splitlines()[1] == "every\tanna\t1,000 of 1,000\t2,000,000\t0 of 2"


def test_a_refusal_says_by_its_code_that_it_was_a_quota(api: FakeApi) -> None:
    said = {"title": "Forbidden", "status": 403, "detail": "is used up", "code": "quota_exceeded"}
    api.on("GET", QUOTAS, httpx.Response(403, json=said))
    with pytest.raises(ApiError) as refused:
        list(api.client().quotas())
    assert refused.value.code == "quota_exceeded"
