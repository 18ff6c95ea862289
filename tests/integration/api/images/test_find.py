"""Whoever has pictures asks by their digests which of them were uploaded, and learns of nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import EVERYTHING, Tenancy
from imagesearch.catalog import images, tables
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.images import Image
from imagesearch.files.uploads import Uploads
from imagesearch_api.app import create_app
from imagesearch_api.limits import MAX_DIGESTS
from support.album import Album
from support.api_keys import Keys, bearer
from support.api_twin import services_of

pytestmark = pytest.mark.integration

URL = "/api/v2/collections/default/images/find"
FIRST, SECOND, THIRD = "aa" * 32, "bb" * 32, "cc" * 32


class Finding:
    """Pictures that were uploaded, and an API that is asked for them under keys."""

    def __init__(self, catalog: Catalog, root: Path) -> None:
        self.album = Album(catalog)
        self.uploads = Uploads(root)
        self.keys = Keys()
        services = services_of(catalog=catalog, uploads=self.uploads)
        self.http = create_app(self.keys.asked_for_by(services)).test_client()

    def path(self, sha256: str, partition: str = "", file_format: str = "JPEG") -> str:
        return str(self.uploads.path_of(self.album.collection.id, partition, sha256, file_format))

    def upload(self, sha256: str, partition: str = "", file_format: str = "JPEG") -> Image:
        [row] = self.album.index(self.path(sha256, partition, file_format), sha256=sha256, partition=partition)
        return row

    def ask(self, body: dict[str, Any], tenancy: Tenancy = EVERYTHING) -> tuple[int, list[int]]:
        answer = self.http.post(URL, json=body, headers=bearer(self.keys.make(Scope.READ, tenancy)))
        return answer.status_code, [item["id"] for item in answer.get_json().get("items", [])]


@pytest.fixture
def finding(catalog: Catalog, tmp_path: Path) -> Finding:
    return Finding(catalog, tmp_path.resolve())


def test_uploads_are_found_by_digest_whatever_their_format_and_in_the_order_asked_for(finding: Finding) -> None:
    first, second = finding.upload(FIRST), finding.upload(SECOND, file_format="PNG")
    finding.upload(THIRD)
    assert finding.ask({"sha256": [SECOND, "dd" * 32, FIRST, SECOND]}) == (200, [second.id, first.id])


def test_what_is_not_indexed_has_moved_or_was_not_uploaded_is_not_there(finding: Finding) -> None:
    finding.album.index("/library/a.jpg", sha256=FIRST)
    moved = finding.upload(SECOND)
    with finding.album.catalog.transaction() as tx:
        images.ensure_rows(tx, finding.album.collection.id, [finding.path(THIRD)], "", {})
        tx.execute(sa.update(tables.images).where(tables.images.c.id == moved.id).values(partition="ben"))
    assert finding.ask({"sha256": [FIRST, SECOND, THIRD]}) == (200, [])
    assert finding.ask({"sha256": [FIRST, SECOND, THIRD], "partition": "ben"}) == (200, [])


def test_nobody_is_told_of_what_another_partition_holds(finding: Finding) -> None:
    anna, nobody = finding.upload(FIRST, "anna"), finding.upload(SECOND)
    bound = Tenancy(("default",), "ben")
    both = {"sha256": [FIRST, SECOND]}
    assert finding.ask(both, bound) == (200, [])
    assert finding.ask({**both, "partition": "ben"}, bound) == (200, [])
    assert finding.ask({**both, "partition": "anna"}, bound) == (403, [])
    assert finding.ask({**both, "partition": ""}, bound) == (403, [])
    assert finding.ask(both, Tenancy(("other",))) == (404, [])
    assert finding.ask(both, Tenancy(("default",), "anna")) == (200, [anna.id])
    assert finding.ask(both) == (200, [nobody.id])


@pytest.mark.parametrize(
    "digests",
    [[], ["AA" * 32], ["aa" * 31], [FIRST + "\n"], [1], "aa" * 32, [FIRST] * (MAX_DIGESTS + 1)],
    ids=["none", "capitals", "short", "newline", "number", "text", "many"],
)
def test_what_is_no_list_of_digests_is_refused_by_name(finding: Finding, digests: object) -> None:
    answer = finding.http.post(URL, json={"sha256": digests}, headers=bearer(finding.keys.make(Scope.READ)))
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["field"].startswith("sha256")


def test_without_uploads_there_are_none_to_be_found(catalog: Catalog) -> None:
    Album(catalog).index("/a.jpg")
    answer = create_app(services_of(catalog=catalog)).test_client().post(URL, json={"sha256": [FIRST]})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "uploads_off")
