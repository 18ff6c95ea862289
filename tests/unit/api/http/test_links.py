"""Pictures are reached under the public URL, or under the host that was asked."""

from __future__ import annotations

import pytest
from flask import g

from imagesearch_api.access import ANYONE
from imagesearch_api.app import create_app
from imagesearch_api.http.links import Links
from support.api_twin import services_of


@pytest.mark.parametrize(
    ("public_url", "prefix", "base"),
    [
        ("", "", "http://asked.test"),
        ("https://pictures.test/", "", "https://pictures.test"),
        ("https://pictures.test", "/below/0", "https://pictures.test/below/0"),
    ],
)
def test_links_lead_to_a_picture_by_its_id(public_url: str, prefix: str, base: str) -> None:
    app = create_app(services_of())
    with app.test_request_context(base_url=f"http://asked.test{prefix}"):
        g.caller = ANYONE
        links = Links.of_request(public_url)
    assert links.file_of(470) == f"{base}/api/v2/images/470/file"
    assert links.thumbnail_of(470) == f"{base}/api/v2/images/470/thumbnail"
