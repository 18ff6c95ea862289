"""Every route asks for an API key whose scope allows it, before it reads or looks at anything."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from imagesearch.access.keys import Token
from imagesearch.access.scopes import Scope
from imagesearch.errors import StoreUnavailable
from imagesearch_api.app import create_app
from imagesearch_api.http.callers import policy_of
from imagesearch_api.openapi.document import document
from imagesearch_api.settings import ApiSettings
from support.api_keys import Keys, bearer
from support.api_twin import services_of

PAGES = {"/", "/page/{version}/{name}", "/reference", "/reference/{version}/{name}"}
PUBLIC = {"/healthz", "/readyz", "/readyz/stores"} | PAGES
"""What a load balancer asks, which has no key; and the page, which asks people for one."""
OF_ADMINS = {
    ("POST", "/api/v2/admin/reconcile"),
    ("GET", "/api/v2/admin/doctor"),
    ("GET", "/api/v2/keys"),
    ("POST", "/api/v2/keys"),
    ("GET", "/api/v2/keys/{key_id}"),
    ("DELETE", "/api/v2/keys/{key_id}"),
}
READING = {
    "POST /api/v2/collections/{name}/search",
    "POST /api/v2/collections/{name}/embed",
    "POST /api/v2/collections/{name}/images/find",
    "POST /api/v2/compare",
    "POST /api/v1/count",
    "POST /api/v1/search",
    "POST /api/v2/session",
    "DELETE /api/v2/session",
}
"""What sends a body and changes nothing."""
JOB = "00000000-0000-0000-0000-000000000000"
OTHERS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer imagesearch_",
    "Basic dXNlcjpwYXNz",
    f"Bearer {'x' * 5_000}",
    "Bearer imagesearch_0123456789abcdef_\xe4\xf6",
]
"""What may stand where a key is expected."""


class Untouched:
    """A catalogue that counts who comes to it, and is down."""

    def __init__(self) -> None:
        self.asked = 0

    def reading(self) -> None:
        self.asked += 1
        raise StoreUnavailable("postgres", "down in this test")

    transaction = reading


class Unread(io.RawIOBase):
    """A body that must not be touched."""

    def readinto(self, _: object) -> int:
        pytest.fail("the body was read before it was known who sent it")

    def readable(self) -> bool:
        return True


@dataclass(frozen=True)
class Route:
    """One operation, with an address that leads to it."""

    method: str
    path: str
    scope: Scope | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        return (
            self.path.replace("{image_id}", "1")
            .replace("{job_id}", JOB)
            .replace("{number}", "1")
            .replace("{key_id}", "0" * 16)
            .translate(str.maketrans("", "", "{}"))
        )


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def catalogue() -> Untouched:
    return Untouched()


@pytest.fixture
def app(keys: Keys, catalogue: Untouched) -> Flask:
    # These tests try more wrong keys than anybody may.
    return create_app(keys.asked_for_by(services_of(ApiSettings(wrong_keys_per_minute=0), catalog=catalogue)))


def routes(app: Flask) -> Iterator[Route]:
    """Return the operations of the OpenAPI document, and those that are not in it."""
    described = document(app)["paths"]
    for path, item in described.items():
        for method, operation in item.items():
            named = operation["security"]
            scopes = {scope for scheme in named for roles in scheme.values() for scope in roles}
            yield Route(method.upper(), path, Scope(scopes.pop()) if scopes else None)
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        if path not in described:
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield Route(method, path, policy_of(app.view_functions[rule.endpoint]).scope)


def ask(app: Flask, route: Route, authorization: str | None = None, **parts: Any) -> TestResponse:
    unread = {
        "wsgi.input": Unread(),
        "CONTENT_LENGTH": "5000000",
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
    }
    headers = {} if authorization is None else {"Authorization": authorization}
    return app.test_client().open(
        route.url, method=route.method, headers=headers, environ_overrides=unread, buffered=True, **parts
    )


def refusal(response: TestResponse) -> tuple[int, str]:
    assert response.content_type == "application/problem+json", response.text
    body = response.get_json()
    assert set(body) == {"code", "type", "title", "status", "detail"}
    return response.status_code, body["detail"]


def test_only_probes_and_the_page_need_no_key(app: Flask) -> None:
    assert {route.path for route in routes(app) if route.scope is None} == PUBLIC


def test_what_changes_something_needs_more_than_reading(app: Flask) -> None:
    for route in routes(app):
        if route.scope is not None:
            is_admin = (route.method, route.path) in OF_ADMINS
            is_reading = route.method == "GET" or str(route) in READING
            expected = Scope.ADMIN if is_admin else Scope.READ if is_reading else Scope.WRITE
            assert route.scope == expected, route


def test_no_route_answers_without_a_key(app: Flask, catalogue: Untouched) -> None:
    for route in routes(app):
        if route.scope is not None:
            response = ask(app, route)
            assert refusal(response)[0] == 401, route
            assert response.headers["WWW-Authenticate"].startswith("Bearer"), route
    assert not catalogue.asked


def test_no_route_tells_keys_apart_that_do_not_hold(app: Flask, keys: Keys, catalogue: Untouched) -> None:
    held, revoked = keys.make(Scope.ADMIN), keys.make(Scope.ADMIN)
    keys.revoke(revoked)
    refused = [Token.new(), Token(held.id, Token.new().secret), revoked, Token(revoked.id, held.secret)]
    sent = [*OTHERS, *(bearer(token)["Authorization"] for token in refused), f"Bearer {held.reveal()}x"]
    for route in routes(app):
        if route.scope is not None:
            answers = {refusal(ask(app, route, text)) for text in sent}
            assert answers == {(401, "The API key is not valid.")}, route
    assert not catalogue.asked


def test_a_key_in_the_address_is_none(app: Flask, keys: Keys) -> None:
    text = keys.make(Scope.ADMIN).reveal()
    for route in routes(app):
        if route.scope is not None:
            query = dict.fromkeys(("key", "api_key", "token", "access_token", "signature"), text)
            assert refusal(ask(app, route, query_string=query))[0] == 401, route


def test_no_route_answers_to_too_small_a_scope(app: Flask, keys: Keys, catalogue: Untouched) -> None:
    tokens = {scope: keys.make(scope) for scope in Scope}
    for route in routes(app):
        for scope, token in tokens.items():
            if route.scope is not None and not scope.covers(route.scope):
                status, detail = refusal(ask(app, route, bearer(token)["Authorization"]))
                assert status == 403, route
                assert detail == f"The API key has the scope {scope}; this needs {route.scope}.", route
    assert not catalogue.asked


def test_every_route_takes_a_key_whose_scope_is_enough(app: Flask, keys: Keys) -> None:
    tokens = {scope: keys.make(scope) for scope in Scope}
    for route in routes(app):
        for scope, token in tokens.items():
            if route.scope is not None and scope.covers(route.scope):
                response = app.test_client().open(
                    route.url, method=route.method, headers=bearer(token), json={}, buffered=True
                )
                assert response.status_code not in (401, 403), route


def test_probes_tell_strangers_nothing_but_whether_all_is_well(app: Flask, keys: Keys) -> None:
    services = app.extensions["services"]
    nobody = SimpleNamespace(alive=lambda: [], ping=lambda: None)
    services = replace(services, jobs=replace(services.jobs, workers=nobody))
    # A Redis that takes whatever is sent.
    patient = SimpleNamespace(client=MagicMock())
    app.extensions["services"] = replace(
        services, search=replace(services.search, vectors=nobody), patient=patient
    )
    http = app.test_client()
    assert set(http.get("/readyz").get_json()) == {"status"}
    assert http.get("/readyz", headers=bearer(Token.new())).get_json() == {"status": "unavailable"}
    assert "components" in http.get("/readyz", headers=bearer(keys.make(Scope.READ))).get_json()


def test_the_published_progress_goes_on_while_nobody_can_say_whether_a_key_holds(catalogue: Untouched) -> None:
    app = create_app(services_of(ApiSettings(api_keys=True), catalog=catalogue))
    http, header = app.test_client(), bearer(Token.new())
    assert http.get("/api/v1/process", headers=header).text == "current: 0, total: 1"
    assert http.get("/api/v2/jobs", headers=header).status_code == 503
    assert http.get("/api/v1/process").status_code == 401
