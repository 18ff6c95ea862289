"""What tells a replay from another request is the request, in this release and the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imagesearch.access.tenants import NOBODY
from imagesearch.catalog.jobs import IdempotencyKey
from imagesearch.catalog.jobs.wishes import Wishes
from imagesearch.catalog.states import JobOrigin
from imagesearch.photo_facts import Fact
from imagesearch_api.jobs.submit import ManifestSource, Submission


def asked(**options: Any) -> Submission:
    return Submission(
        **{"source": "/photos", "collection": "cats", "origin": JobOrigin.V2, "owner": NOBODY, **options}
    )


def test_digests_that_jobs_keep_are_those_of_today() -> None:
    assert asked().digest() == "f510d25583a5473677e580fb5daf413be6b0c444469adb09bf34d204549bf860"


@pytest.mark.parametrize(
    "options",
    [
        {"source": "/photos/"},
        {"source": ["/photos"]},
        {"source": ManifestSource("/photos")},
        {"collection": "dogs"},
        {"recursive": False},
        {"partition": "p"},
        {"metadata": {"a": 1}},
        {"prune": True},
        {"callback_url": "https://hooks.example/"},
        {"wishes": Wishes((Fact.TAKEN,))},
        {"wishes": Wishes(metadata_from_path="{year}/*")},
    ],
)
def test_another_request_has_another_digest(options: dict[str, Any]) -> None:
    assert asked(**options).digest() != asked().digest()


def test_the_order_of_metadata_and_the_key_make_no_difference() -> None:
    one = asked(metadata={"a": 1, "b": 2}, idempotency_key=IdempotencyKey("POST /api/v2/jobs", "monday"))
    assert one.digest() == asked(metadata={"b": 2, "a": 1}).digest()


def test_what_lies_at_the_path_makes_no_difference(tmp_path: Path) -> None:
    link = tmp_path / "link"
    before = asked(source=str(link)).digest()
    link.symlink_to("/etc")
    assert asked(source=str(link)).digest() == before
