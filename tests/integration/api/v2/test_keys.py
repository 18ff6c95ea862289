"""An admin key makes, lists and revokes keys; each change is in the audit log, and no secret is anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from imagesearch.access.keys import Token
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import EVERYTHING, Owner, Tenancy
from imagesearch.catalog import api_keys, audit
from imagesearch.catalog.engine import Catalog
from imagesearch_api.access import Caller
from imagesearch_api.app import create_app
from imagesearch_api.errors import VersionMismatch
from imagesearch_api.http import callers
from imagesearch_api.settings import ApiSettings
from imagesearch_api.versions import Expected, of_key
from support.api_keys import bearer
from support.api_twin import services_of

pytestmark = pytest.mark.integration

KEYS = "/api/v2/keys"


@pytest.fixture
def app(catalog: Catalog) -> Flask:
    return create_app(services_of(ApiSettings(api_keys=True), catalog=catalog))


@pytest.fixture
def admin(catalog: Catalog) -> Token:
    token = Token.new()
    with catalog.transaction() as tx:
        api_keys.create(tx, token, "first", Scope.ADMIN, EVERYTHING, by=None)
    return token


@pytest.fixture
def ask(app: Flask, admin: Token) -> Callable[..., TestResponse]:
    def send(method: str, url: str = KEYS, *, under: Token = admin, **parts: Any) -> TestResponse:
        return app.test_client().open(url, method=method, headers=bearer(under), buffered=True, **parts)

    return send


def make(ask: Callable[..., TestResponse], **body: Any) -> Token:
    response = ask("POST", json={"name": "made", **body})
    assert response.status_code == 201, response.text
    assert response.headers["Cache-Control"] == "no-store"
    token = Token.parse(response.get_json()["key"])
    assert token is not None
    return token


def events(catalog: Catalog) -> list[tuple[str, str | None, str]]:
    with catalog.reading() as tx:
        return [(event.action, event.key_id, event.detail["key"]) for event in audit.listing(tx, limit=10)]


def test_a_key_is_made_used_listed_and_revoked(
    ask: Callable[..., TestResponse], catalog: Catalog, admin: Token, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    bounds = {"collections": ["dogs", "cats", "cats"], "partition": "anna"}
    with capture_logs() as logs:
        token = make(ask, scope="write", source_roots=[str(tmp_path / "link")], **bounds)
        listed = ask("GET").get_json()["items"]
        shown = ask("GET", "/api/v2/session", under=token).get_json()
        assert ask("DELETE", f"{KEYS}/{token.id}").get_json()["revoked_at"]
    roots = [str((tmp_path / "photos").resolve())]
    expected = {"collections": ["cats", "dogs"], "partition": "anna", "source_roots": roots, "scope": "write"}
    assert expected.items() <= shown.items()
    [described] = [each for each in listed if each["id"] == token.id]
    assert (expected | {"name": "made", "created_by": admin.id, "revoked_at": None}).items() <= described.items()
    # Here at once, and not only when what is remembered of it has run out.
    assert ask("GET", "/api/v2/session", under=token).status_code == 401
    assert events(catalog) == [
        ("key_revoked", admin.id, token.id),
        ("key_made", admin.id, token.id),
        ("key_made", None, admin.id),
    ]
    assert {token.id} == {line["key"] for line in logs if line["event"] == "audit"}
    with catalog.reading() as tx:
        kept = tx.execute(sa.text("SELECT to_json(k)::text FROM api_keys k")).scalars().all()
        kept += tx.execute(sa.text("SELECT to_json(e)::text FROM audit_events e")).scalars().all()
    for text in (json.dumps(listed), str(logs), *kept):
        assert token.secret not in text
        assert token.digest not in json.dumps(listed)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x\0"}, "name"),
        ({"name": "x", "scope": "root"}, "scope"),
        ({"name": "x", "scope": "admin", "partition": "anna"}, "scope"),
        ({"name": "x", "scope": "admin", "collections": ["cats"]}, "scope"),
        ({"name": "x", "partition": ""}, "partition"),
        ({"name": "x", "collections": []}, "collections"),
        ({"name": "x", "collections": ["../"]}, "collections[0]"),
        ({"name": "x", "collections": ["cats"], "source_roots": ["photos"]}, "source_roots"),
        ({"name": "x", "source_roots": ["/photos"]}, "source_roots"),
        ({"name": "x", "created_by": None}, "created_by"),
        ({}, "name"),
    ],
)
def test_a_key_is_checked_field_by_field(
    ask: Callable[..., TestResponse], catalog: Catalog, body: dict[str, Any], field: str
) -> None:
    response = ask("POST", json=body)
    assert response.status_code == 400
    assert [error["field"] for error in response.get_json()["errors"]] == [field]
    assert len(events(catalog)) == 1


def test_keys_are_listed_page_by_page(ask: Callable[..., TestResponse], admin: Token) -> None:
    ids = sorted([admin.id, *(make(ask).id for _ in range(4))])
    found, cursor = [], ""
    while cursor is not None:
        page = ask("GET", query_string={"limit": 2, **({"cursor": cursor} if cursor else {})}).get_json()
        found += [each["id"] for each in page["items"]]
        cursor = page["next"]
    assert found == ids
    assert ask("GET", query_string={"cursor": "x"}).status_code == 400


def test_the_last_admin_key_stays_and_what_is_no_key_is_not_found(
    ask: Callable[..., TestResponse], admin: Token
) -> None:
    assert ask("DELETE", f"{KEYS}/{admin.id}").status_code == 409
    for wrong in ("0" * 16, "x", "%00"):
        assert ask("DELETE", f"{KEYS}/{wrong}").status_code == 404
    second = make(ask, scope="admin")
    assert ask("DELETE", f"{KEYS}/{admin.id}", under=second).status_code == 200
    assert ask("DELETE", f"{KEYS}/{second.id}", under=second).status_code == 409


def test_a_key_is_shown_and_revoked_as_it_was_seen(ask: Callable[..., TestResponse], catalog: Catalog) -> None:
    url = f"{KEYS}/{make(ask).id}"
    shown = ask("GET", url)
    assert shown.get_json()["revoked_at"] is None
    before = events(catalog)
    with capture_logs() as logs:
        dry = ask("DELETE", url, query_string={"dry_run": "true"})
    assert dry.get_json() == shown.get_json()
    assert (events(catalog), [line for line in logs if line["event"] == "audit"]) == (before, [])
    seen = Expected(frozenset({"another"}))
    with pytest.raises(VersionMismatch), catalog.transaction() as tx:
        api_keys.revoke(tx, url.rpartition("/")[2], by=None, check=lambda key: seen.check(of_key(key)))
    assert ask("DELETE", url).headers["ETag"] != shown.headers["ETag"]
    assert ask("GET", url).get_json()["revoked_at"]
    assert ask("GET", f"{KEYS}/x").status_code == 404


def test_a_revoked_key_that_is_still_believed_changes_no_key(
    ask: Callable[..., TestResponse], catalog: Catalog
) -> None:
    thief = make(ask, scope="admin")
    assert ask("GET", under=thief).status_code == 200
    with catalog.transaction() as tx:
        api_keys.revoke(tx, thief.id, by=None)
    before = events(catalog)
    # This process has not heard of it.
    assert ask("GET", under=thief).status_code == 200
    assert ask("POST", under=thief, json={"name": "for later"}).status_code == 401
    assert ask("DELETE", f"{KEYS}/{'0' * 16}", under=thief).status_code == 401
    assert events(catalog) == before


def test_a_session_makes_no_key_that_outlives_it(app: Flask, admin: Token) -> None:
    page, own = app.test_client(), {"Origin": "http://localhost"}
    assert page.post("/api/v2/session", headers=bearer(admin) | own, buffered=True).status_code == 200
    assert page.get(KEYS, buffered=True).status_code == 200
    assert page.post(KEYS, json={"name": "x"}, headers=own, buffered=True).status_code == 403
    assert page.delete(f"{KEYS}/{admin.id}", headers=own, buffered=True).status_code == 403


def test_a_bound_admin_key_that_should_not_be_reaches_no_key(
    ask: Callable[..., TestResponse], monkeypatch: pytest.MonkeyPatch, admin: Token
) -> None:
    bound = Caller(Owner(admin.id, Tenancy(("cats",))), Scope.ADMIN)
    monkeypatch.setattr(callers, "identify", lambda _: bound)
    for method, url in (("GET", KEYS), ("POST", KEYS), ("DELETE", f"{KEYS}/{admin.id}")):
        assert ask(method, url, json={"name": "wider"}).status_code == 403


def test_where_keys_are_switched_off_nobody_makes_one_for_later(app: Flask, catalog: Catalog) -> None:
    services = app.extensions["services"]
    app.extensions["services"] = replace(services, access=replace(services.access, is_on=False))
    for method, url in (("GET", KEYS), ("POST", KEYS), ("DELETE", f"{KEYS}/{'0' * 16}")):
        response = app.test_client().open(url, method=method, json={"name": "x", "scope": "admin"}, buffered=True)
        assert response.status_code == 403
    assert events(catalog) == []
