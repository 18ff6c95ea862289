"""A key, or an address, that asks too often gets 429, and whoever is refused learns nothing of any key."""

from __future__ import annotations

import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from flask import Flask
from prometheus_client import REGISTRY
from werkzeug.test import TestResponse

from imagesearch.access.keys import Token
from imagesearch.access.scopes import Scope
from imagesearch.messaging.broker import create_redis
from imagesearch.settings import RedisSettings
from imagesearch_api.access import Guesses, RateStorage
from imagesearch_api.app import create_app
from imagesearch_api.openapi.document import document
from imagesearch_api.settings import ApiSettings
from support.api_keys import Keys, bearer
from support.api_twin import Down, services_of
from support.waiting import TIMEOUT

ANY = "/api/v2/session"
HERE, THERE, NEAR_THERE = "192.0.2.1", "2001:db8:1:2::3", "2001:db8:1:2:ffff::4"


@pytest.fixture
def keys() -> Keys:
    return Keys()


def app_of(keys: Keys | None, **settings: Any) -> Flask:
    services = services_of(ApiSettings(**settings), catalog=Down())
    return create_app(services if keys is None else keys.asked_for_by(services))


def ask(app: Flask, token: Token | None = None, *, at: str = HERE, url: str = ANY, **parts: Any) -> TestResponse:
    headers = bearer(token) if token is not None else {}
    return app.test_client().get(
        url, headers=headers, environ_overrides={"REMOTE_ADDR": at}, buffered=True, **parts
    )


def refusals(code: str) -> float:
    return REGISTRY.get_sample_value("imagesearch_rate_refusals_total", {"code": code}) or 0.0


def assert_refused(response: TestResponse, code: str) -> None:
    assert response.status_code == 429
    assert response.content_type == "application/problem+json"
    assert response.get_json()["code"] == code
    assert 1 <= int(response.headers["Retry-After"]) <= 60


def test_a_key_sends_as_many_requests_as_it_may_and_another_has_its_own(keys: Keys) -> None:
    app, before = app_of(keys, requests_per_minute=3), refusals("rate_limited")
    busy, other = keys.make(Scope.READ), keys.make(Scope.READ)
    # From wherever they come, and whatever they ask.
    answers = [
        ask(app, busy, at=at, url=url).status_code for at, url in ((HERE, ANY), (THERE, ANY), (HERE, f"{ANY}/"))
    ]
    assert answers == [200, 200, 200]
    assert_refused(ask(app, busy), "rate_limited")
    assert_refused(ask(app, busy, url="/api/v2/jobs"), "rate_limited")
    assert ask(app, other).status_code == 200
    assert refusals("rate_limited") - before == 2


def test_without_keys_an_address_is_counted_and_an_ipv6_network_is_one() -> None:
    app = app_of(None, requests_per_minute=2)
    assert [ask(app, at=at).status_code for at in (THERE, NEAR_THERE)] == [200, 200]
    assert_refused(ask(app, at=THERE), "rate_limited")
    assert ask(app, at=HERE).status_code == 200


def test_what_a_proxy_in_front_says_of_the_address_counts_where_it_is_believed() -> None:
    for hops, expected in ((0, [200, 429]), (1, [200, 200])):
        app = app_of(None, requests_per_minute=1, trusted_proxies=hops)
        seen = [
            app.test_client().get(ANY, headers={"X-Forwarded-For": at}, buffered=True).status_code
            for at in ("192.0.2.8", HERE)
        ]
        assert seen == expected


def test_no_bound_is_none(keys: Keys) -> None:
    app, key = app_of(keys, requests_per_minute=0, wrong_keys_per_minute=0), keys.make(Scope.READ)
    assert {ask(app, key).status_code for _ in range(40)} == {200}
    assert {ask(app, Token.new()).status_code for _ in range(40)} == {401}


def test_probes_the_page_and_the_published_progress_are_never_refused(keys: Keys) -> None:
    app, key = app_of(keys, requests_per_minute=1), keys.make(Scope.READ)
    for url in ("/healthz", "/metrics", "/", "/api/v1/process"):
        assert 429 not in {ask(app, key, url=url).status_code for _ in range(4)}, url


def test_wrong_keys_are_refused_and_so_is_each_key_that_was_not_in_use_there(keys: Keys) -> None:
    app, before = app_of(keys, wrong_keys_per_minute=2), refusals("wrong_keys")
    known, unknown, revoked = (keys.make(Scope.READ) for _ in range(3))
    keys.revoke(revoked)
    assert ask(app, known).status_code == 200
    assert [ask(app, token).status_code for token in (Token.new(), revoked)] == [401, 401]
    refused = [ask(app, token) for token in (Token.new(), unknown, Token(known.id, Token.new().secret))]
    for response in refused[:2]:
        assert_refused(response, "wrong_keys")
    # Whether a key was right is not told.
    assert refused[0].get_json()["detail"].split(";")[0] == refused[1].get_json()["detail"].split(";")[0]
    assert refused[2].status_code == 429
    assert ask(app, known).status_code == 200
    assert ask(app, unknown, at=THERE).status_code == 200
    assert refusals("wrong_keys") - before == 3


def test_whoever_brings_no_key_or_one_that_ran_out_guesses_nothing(keys: Keys) -> None:
    app, key = app_of(keys, wrong_keys_per_minute=1), keys.make(Scope.READ)
    expired = {"key_id": key.id, "expires": "1", "signature": "x"}
    for _ in range(3):
        assert ask(app).status_code == 401
        assert ask(app, url="/api/v2/images/1/thumbnail", query_string=expired).status_code == 401
    made_up = expired | {"expires": "99999999999"}
    answers = [ask(app, url="/api/v2/images/1/thumbnail", query_string=made_up).status_code for _ in range(2)]
    assert answers == [401, 429]


def test_an_address_is_believed_again_when_its_time_is_over() -> None:
    now = 100.0
    guesses = Guesses(lambda: now)
    guesses.block(HERE, 30)
    assert (guesses.seconds_blocked(HERE), guesses.seconds_blocked(THERE)) == (30, 0)
    now = 129.5
    assert guesses.seconds_blocked(HERE) == 1
    now = 130.0
    assert guesses.seconds_blocked(HERE) == 0


def probed_app(keys: Keys, **limits: int) -> Flask:
    """Return an application of which a probe is told something."""
    app = app_of(keys, **limits)
    services = app.extensions["services"]
    alone = SimpleNamespace(alive=lambda: [], ping=lambda: None)
    services = replace(services, jobs=replace(services.jobs, workers=alone))
    # A Redis that takes whatever is sent.
    patient = SimpleNamespace(client=MagicMock())
    app.extensions["services"] = replace(services, search=replace(services.search, vectors=alone), patient=patient)
    return app


def test_a_wrong_key_that_a_probe_brings_is_counted_and_the_probe_answered(keys: Keys) -> None:
    app, known, unknown = probed_app(keys, wrong_keys_per_minute=2), keys.make(Scope.READ), keys.make(Scope.READ)
    assert ask(app, known).status_code == 200
    for _ in range(4):
        assert ask(app, Token.new(), url="/readyz").get_json() == {"status": "unavailable"}
    assert "components" not in ask(app, unknown, url="/readyz").get_json()
    assert_refused(ask(app, unknown), "wrong_keys")
    assert "components" in ask(app, known, url="/readyz").get_json()
    assert "components" in ask(app, unknown, url="/readyz", at=THERE).get_json()
    # Without a bound nothing is refused.
    free = probed_app(keys, wrong_keys_per_minute=0)
    for _ in range(4):
        assert ask(free, Token.new(), url="/readyz").status_code == 503
    assert "components" in ask(free, unknown, url="/readyz").get_json()


def test_a_probe_is_told_more_under_a_key_only_where_nobody_guesses(keys: Keys) -> None:
    app, key, other = probed_app(keys, wrong_keys_per_minute=1), keys.make(Scope.READ), keys.make(Scope.READ)
    assert "components" in ask(app, other, url="/readyz").get_json()
    assert ask(app, key).status_code == 200
    assert [ask(app, Token.new()).status_code for _ in range(2)] == [401, 429]
    assert "components" not in ask(app, other, url="/readyz").get_json()
    assert "components" in ask(app, key, url="/readyz").get_json()


def test_every_route_that_needs_a_key_says_that_it_may_refuse(keys: Keys) -> None:
    app = app_of(keys)
    for path, item in document(app)["paths"].items():
        for method, operation in item.items():
            assert "429" in operation["responses"], (method, path)


def away(port: int, timeout: float = 0.05) -> RateStorage:
    settings = RedisSettings(redis_url=f"redis://127.0.0.1:{port}/0")
    return RateStorage("redis://", {"connection_pool": create_redis(settings, timeout=timeout).connection_pool})


@pytest.mark.parametrize("hangs", [False, True])
def test_without_redis_a_process_counts_for_itself_says_so_once_and_keeps_nobody_waiting(
    hangs: bool, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "flask-limiter")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if hangs:
            server.listen(100)
        server.setblocking(False)
        storage = away(server.getsockname()[1])
        services = services_of(ApiSettings(requests_per_minute=20), catalog=Down(), rate_storage=storage)
        app, key = create_app(keys.asked_for_by(services)), keys.make(Scope.READ)
        answers = [ask(app, key) for _ in range(21)]
        assert [response.status_code for response in answers[:20]] == [200] * 20
        assert_refused(answers[20], "rate_limited")
        assert [record.levelname for record in caplog.records if record.name == "flask-limiter"].count(
            "WARNING"
        ) == 1
        assert tried(server) < 20
    storage.options["connection_pool"].disconnect()


def test_whoever_asks_redis_when_it_goes_is_answered_too(keys: Keys) -> None:
    at_once = 4
    with socket.socket() as server, ThreadPoolExecutor(at_once + 1) as pool:
        server.bind(("127.0.0.1", 0))
        server.listen(at_once)
        gone = pool.submit(go_away, server, at_once)
        storage = away(server.getsockname()[1], timeout=TIMEOUT)
        services = services_of(ApiSettings(), catalog=Down(), rate_storage=storage)
        app, key = create_app(keys.asked_for_by(services)), keys.make(Scope.READ)
        answers = [pool.submit(ask, app, key) for _ in range(at_once)]
        assert [answer.result().status_code for answer in answers] == [200] * at_once
        gone.result()
    storage.options["connection_pool"].disconnect()


def go_away(server: socket.socket, callers: int) -> None:
    """Wait until so many ask at once, and answer none of them."""
    asking = [server.accept()[0] for _ in range(callers)]
    server.close()
    for connection in asking:
        connection.close()


def tried(server: socket.socket) -> int:
    """Return how often somebody connected to a server that answers nobody."""
    count = 0
    with suppress(OSError):
        while True:
            server.accept()[0].close()
            count += 1
    return count
