"""The page's files are sent whole or packed, are kept by browsers, and may run nothing but themselves."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask
from flask.testing import FlaskClient

from imagesearch_api.app import create_app
from imagesearch_api.page.assets import WEB, Assets
from support.api_twin import services_of


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(services_of())


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def assets() -> Assets:
    return Assets.read(WEB)


def test_the_document_is_asked_about_each_time(browser: FlaskClient, assets: Assets) -> None:
    sent = browser.get("/")
    assert sent.status_code == 200
    assert sent.content_type == "text/html; charset=utf-8"
    assert sent.data == assets.index.content
    assert sent.cache_control.no_cache
    again = browser.get("/", headers={"If-None-Match": sent.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""


@pytest.mark.parametrize("path", ["/", "/page/{version}/app.js", "/page/other/page.css"])
def test_nothing_that_stands_in_a_document_is_run(browser: FlaskClient, assets: Assets, path: str) -> None:
    sent = browser.get(path.format(version=assets.version))
    policy = sent.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert sent.headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_under_its_version_is_kept_for_ever(browser: FlaskClient, assets: Assets) -> None:
    sent = browser.get(f"/page/{assets.version}/app.js")
    assert sent.content_type == "text/javascript; charset=utf-8"
    assert sent.cache_control.immutable
    assert (sent.cache_control.max_age or 0) >= 31_536_000


def test_a_file_under_another_version_is_sent_and_not_kept(browser: FlaskClient) -> None:
    sent = browser.get("/page/0123456789abcdef/app.js")
    assert sent.status_code == 200
    assert sent.cache_control.no_cache
    assert not sent.cache_control.immutable


def test_a_packed_file_has_a_tag_of_its_own(browser: FlaskClient, assets: Assets) -> None:
    path = f"/page/{assets.version}/page.css"
    plain, packed = browser.get(path), browser.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert packed.content_encoding == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in packed.vary
    refused = browser.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert refused.content_encoding is None


@pytest.mark.parametrize("name", ["none.js", "..", "index.html", "%2e%2e%2froutes.py"])
def test_nothing_else_is_sent(browser: FlaskClient, assets: Assets, name: str) -> None:
    assert browser.get(f"/page/{assets.version}/{name}").status_code == 404
