"""Sessions of pages and signed links of pictures stand in for a key, for a while and for no more than they say."""

from __future__ import annotations

import time
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from imagesearch.access.keys import Token
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import Owner
from imagesearch_api.access import Caller
from imagesearch_api.app import create_app
from imagesearch_api.http.credentials import COOKIE
from imagesearch_api.http.links import Links
from support.api_keys import Keys, bearer
from support.api_twin import Down, services_of

SESSION = "/api/v2/session"
OWN = {"Origin": "http://localhost"}
ALLOWED = {"Origin": "http://localhost:8001"}
"""A page that may call, with a key of its own."""
CHANGE = "/api/v2/collections/any"


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def token(keys: Keys) -> Token:
    return keys.make(Scope.WRITE)


@pytest.fixture
def app(keys: Keys) -> Flask:
    return create_app(keys.asked_for_by(services_of(catalog=Down())))


@pytest.fixture
def page(app: Flask, token: Token) -> FlaskClient:
    """A page that has logged in."""
    client = app.test_client()
    assert client.post(SESSION, headers=bearer(token) | OWN).status_code == 200
    return client


def test_a_page_logs_in_with_a_key_and_out_again(page: FlaskClient, token: Token) -> None:
    assert page.get(SESSION).get_json() == {
        "api_key": token.id,
        "scope": "write",
        "collections": None,
        "partition": None,
        "source_roots": None,
    }
    assert page.get("/api/v2/jobs").status_code == 503
    assert page.delete(SESSION, headers=OWN).status_code == 204
    assert page.get("/api/v2/jobs").status_code == 401


@pytest.mark.parametrize(("scheme", "is_secure"), [("http", False), ("https", True)])
def test_the_cookie_is_kept_from_scripts_and_other_sites(
    app: Flask, token: Token, scheme: str, is_secure: bool
) -> None:
    response = app.test_client().post(SESSION, headers=bearer(token), base_url=f"{scheme}://localhost")
    cookie = response.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert ("Secure" in cookie.split("; ")) == is_secure
    assert token.secret not in cookie
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("headers", [{}, ALLOWED, {"Sec-Fetch-Site": "none"}])
def test_a_session_changes_something_only_from_its_own_page(page: FlaskClient, headers: dict[str, str]) -> None:
    assert page.delete(CHANGE, headers=headers).status_code == 403
    assert page.delete(CHANGE, headers=OWN).status_code == 503
    assert page.delete(CHANGE, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 503


def test_a_session_does_not_begin_another(page: FlaskClient) -> None:
    assert page.post(SESSION, headers=OWN).status_code == 403


def test_a_session_ends_with_its_key(page: FlaskClient, keys: Keys, token: Token) -> None:
    keys.revoke(token)
    assert page.get("/api/v2/jobs").status_code == 401


def test_a_session_ends_with_its_time(page: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("imagesearch_api.http.credentials.time.time", lambda: now + 43_201)
    assert page.get("/api/v2/jobs").status_code == 401


def test_a_cookie_that_was_not_made_here_is_none(app: Flask, page: FlaskClient, keys: Keys) -> None:
    made = page.get_cookie(COOKIE)
    assert made is not None
    key_id, expires, signature = made.value.split(".")
    other = keys.make(Scope.ADMIN).id
    for text in (
        "",
        "..",
        f"{other}.{expires}.{signature}",
        f"{key_id}.{int(expires) + 1}.{signature}",
        f"{key_id}.{expires}.",
        f"{key_id}.{expires}.{signature}x",
        f"{key_id}.\u0665.{signature}",
    ):
        client = app.test_client()
        client.set_cookie(COOKIE, text)
        assert client.get("/api/v2/jobs").status_code == 401, text


def links(app: Flask, token: Token) -> tuple[str, str]:
    with app.test_request_context():
        g.caller = Caller(Owner(token.id), Scope.READ)
        made = Links.of_request("")
    return made.file_of(470), made.thumbnail_of(470)


def test_a_signed_link_needs_no_key(app: Flask, token: Token) -> None:
    for link in links(app, token):
        assert token.secret not in link
        assert app.test_client().get(link).status_code == 503, "the catalogue is asked"


def test_a_signed_link_is_for_one_picture_in_one_size_and_kind(app: Flask, token: Token, keys: Keys) -> None:
    file, thumbnail = links(app, token)
    query, http = file.partition("?")[2], app.test_client()
    other = keys.make(Scope.ADMIN).id
    for wrong in (
        file.replace("470", "471"),
        thumbnail.replace("thumbnail", "file"),
        f"{thumbnail}&size=64",
        file.replace(token.id, other),
        file.replace("expires=", "expires=1"),
        file[:-1],
        f"/api/v2/jobs?{query}",
        f"/api/v2/images/470/thumbnail?{query}",
    ):
        assert http.get(wrong).status_code == 401, wrong


def test_a_signed_link_ends_with_its_time_and_with_its_key(
    app: Flask, token: Token, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = links(app, token)
    now = time.time()
    clock: dict[str, Any] = {"ahead": 3_600}
    monkeypatch.setattr("imagesearch_api.http.credentials.time.time", lambda: now + clock["ahead"])
    assert app.test_client().get(file).status_code == 503
    clock["ahead"] = 5_401
    assert app.test_client().get(file).status_code == 401
    clock["ahead"] = 0
    keys.revoke(token)
    assert app.test_client().get(file).status_code == 401
