"""Each kind of request has places of its own: what fills one lane disturbs no other."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from imagesearch.errors import StoreUnavailable
from imagesearch_api import v1
from imagesearch_api.app import create_app
from imagesearch_api.errors import Busy
from imagesearch_api.http.admission import admitted, lane_of
from imagesearch_api.http.lanes import OTHERS_SECONDS, RESERVE, Lane, Lanes
from imagesearch_api.services import Services
from imagesearch_api.settings import ApiSettings
from support.api_twin import services_of

FREE = {
    "v1.process",
    "health.healthz",
    "health.metrics",
    "page.index",
    "page.file",
    "reference.index",
    "reference.file",
}
"""What is answered whatever else goes on; `process` without asking a store, where its lane is full."""


class Untouched:
    """A catalogue that says so when it is asked."""

    def reading(self) -> None:
        raise StoreUnavailable("postgres", "asked")

    transaction = reading


class Unread(io.RawIOBase):
    """A body that must not be touched."""

    def readinto(self, _: object) -> int:
        pytest.fail("the body was read before there was a place")

    def readable(self) -> bool:
        return True


@pytest.fixture
def lanes() -> Lanes:
    return Lanes(dict.fromkeys(Lane, 1))


@pytest.fixture
def app(lanes: Lanes) -> Flask:
    return create_app(replace(services_of(ApiSettings(memory_timeout=0), catalog=Untouched()), lanes=lanes))


def routes(app: Flask) -> Iterator[tuple[str, str, Lane | None]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            url = rule.rule.replace("<int:image_id>", "1").replace("<name>", "any").replace("<alias>", "any")
            url = url.replace("<int:number>", "1")
            lane = lane_of(app.view_functions[rule.endpoint])
            assert (lane is None) == (rule.endpoint in FREE), rule.endpoint
            yield method, url.replace("<job_id>", "00000000-0000-0000-0000-000000000000"), lane


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/api/v2/compare", {"a": {"image_id": 1}, "b": {"image_id": 2}}),
        ("/api/v2/collections/any/search", {"image_id": 1, "top_k": 1}),
    ],
)
def test_what_explains_needs_a_place_of_its_own_beside_that_of_its_kind(
    app: Flask, lanes: Lanes, url: str, body: dict[str, Any]
) -> None:
    client = app.test_client()
    with ExitStack() as held:
        lanes.enter(Lane.EXPLANATIONS, held)
        refused = client.post(url, json={**body, "explain": "regions"}, buffered=True)
        assert (refused.status_code, refused.json["code"]) == (429, "busy")  # type: ignore[index]
        assert client.post(url, json=body, buffered=True).status_code == 503, "it came as far as the catalogue"
    for _ in range(2):
        assert client.post(url, json={**body, "explain": "regions"}, buffered=True).status_code == 503


def test_who_waits_for_a_job_takes_no_place_from_who_reads(app: Flask, lanes: Lanes) -> None:
    job = "/api/v2/jobs/00000000-0000-0000-0000-000000000000"
    client = app.test_client()
    with ExitStack() as held:
        lanes.enter(Lane.WAITS, held)
        for url in (f"{job}?wait=30", f"{job}/events"):
            refused = client.get(url, buffered=True)
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2"), url
        assert client.get(job, buffered=True).status_code != 429
    with ExitStack() as held:
        lanes.enter(Lane.READS, held)
        assert client.get(job, buffered=True).status_code == 429
        assert client.get(f"{job}?wait=30", buffered=True).status_code != 429


def test_places_are_given_back() -> None:
    lanes = Lanes({Lane.SEARCHES: 2})
    for _ in range(5):
        with ExitStack() as held:
            lanes.enter(Lane.SEARCHES, held)
            lanes.enter(Lane.SEARCHES, held)
    with ExitStack() as held:
        lanes.enter(Lane.SEARCHES, held)
        lanes.enter(Lane.SEARCHES, held)
        with pytest.raises(Busy):
            lanes.enter(Lane.SEARCHES, held)


def test_a_caller_that_is_alone_has_every_place() -> None:
    lanes = Lanes({Lane.SEARCHES: 8})
    with ExitStack() as held:
        for _ in range(8):
            lanes.enter(Lane.SEARCHES, held, "one")


def test_no_caller_takes_the_places_that_are_kept_for_others() -> None:
    now = [0.0]
    lanes = Lanes({Lane.SEARCHES: 8, Lane.FILES: 1}, clock=lambda: now[0])
    with ExitStack() as held:
        lanes.enter(Lane.FILES, held, "one")
    with ExitStack() as held:
        lanes.enter(Lane.FILES, held, "other")  # a single place is kept for nobody
        lanes.enter(Lane.SEARCHES, held, "one")
        lanes.enter(Lane.SEARCHES, held, "other")
        for _ in range(5):
            lanes.enter(Lane.SEARCHES, held, "one")
        with pytest.raises(Busy, match="of yours"):
            lanes.enter(Lane.SEARCHES, held, "one")
        lanes.enter(Lane.SEARCHES, held, "other")
        with pytest.raises(Busy, match="8 searches"):
            lanes.enter(Lane.SEARCHES, held, "third")
    now[0] = OTHERS_SECONDS
    with ExitStack() as held:
        for _ in range(8):
            lanes.enter(Lane.SEARCHES, held, "third")


def test_addresses_are_callers_where_there_are_no_keys(app: Flask) -> None:
    lanes = Lanes(dict.fromkeys(Lane, 2))
    app.extensions["services"] = replace(app.extensions["services"], lanes=lanes)
    client, held = app.test_client(), []

    def status(address: str) -> int:
        # What is not read to its end keeps its place.
        answer = client.get("/api/v2/jobs", environ_overrides={"REMOTE_ADDR": address}, buffered=False)
        held.append(answer)
        return answer.status_code

    assert status("127.0.0.1") != 429
    assert status("127.0.0.2") != 429
    held.pop(0).close()
    assert [status("127.0.0.2"), status("127.0.0.1")] == [429, 503]
    for one in held:
        one.close()


def test_every_route_is_turned_away_before_its_body_is_read(app: Flask, lanes: Lanes) -> None:
    with ExitStack() as held:
        for lane in Lane:
            lanes.enter(lane, held)
        for method, url, lane in routes(app):
            if lane is None:
                continue
            refused = app.test_client().open(
                url,
                method=method,
                environ_overrides={
                    "wsgi.input": Unread(),
                    "CONTENT_LENGTH": "5000000",
                    "CONTENT_TYPE": "multipart/form-data; boundary=x",
                },
                buffered=True,
            )
            assert refused.status_code == 429, url
            assert refused.content_type == "application/problem+json"
            assert int(refused.headers["Retry-After"]) > 0


def test_a_full_lane_disturbs_no_other(app: Flask, lanes: Lanes) -> None:
    for full in Lane:
        with ExitStack() as held:
            lanes.enter(full, held)
            for method, url, lane in routes(app):
                if lane not in (None, full):
                    answer = app.test_client().open(url, method=method, json={}, buffered=True)
                    assert answer.status_code != 429, url


def test_what_has_no_lane_is_answered_when_all_are_full(app: Flask, lanes: Lanes) -> None:
    with ExitStack() as held:
        for lane in Lane:
            lanes.enter(lane, held)
        assert app.test_client().get("/healthz").status_code == 200
        assert app.test_client().get("/metrics").status_code == 200
        assert app.test_client().get("/api/v1/process").status_code == 200


def test_the_published_progress_is_the_one_seen_last_when_its_lane_is_full(
    app: Flask, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, asked = app.test_client(), []

    def newest(_: Services) -> SimpleNamespace:
        asked.append(1)
        return SimpleNamespace(done=len(asked), total=7, failed=0, ended=False)

    monkeypatch.setattr(v1, "_newest", newest)
    with ExitStack() as held:
        lanes.enter(Lane.STATUS, held)
        assert client.get("/api/v1/process", buffered=True).text == "current: 0, total: 1"
    assert client.get("/api/v1/process", buffered=True).text.startswith("current: 1, total: 7")
    with ExitStack() as held:
        lanes.enter(Lane.STATUS, held)
        assert client.get("/api/v1/process", buffered=True).text.startswith("current: 1, total: 7")
        assert len(asked) == 1
    assert client.get("/api/v1/process", buffered=True).text.startswith("current: 2, total: 7")


def test_progress_takes_a_place_while_a_store_hangs(app: Flask, lanes: Lanes) -> None:
    client = app.test_client()
    seen: list[int] = []

    def get(_: str | None) -> None:
        seen.append(client.get("/readyz", buffered=True).status_code)
        seen.append(client.get("/api/v1/process", buffered=True).status_code)

    app.extensions["services"] = replace(app.extensions["services"], latest=SimpleNamespace(get=get))
    assert client.get("/api/v1/process", buffered=True).status_code == 200
    assert seen == [429, 200]


def test_a_refused_change_has_not_begun_and_may_be_asked_again(app: Flask, lanes: Lanes) -> None:
    client, body = app.test_client(), {"vector": [1.0] * 512}
    with ExitStack() as held:
        lanes.enter(Lane.SEARCHES, held)
        assert client.post("/api/v2/collections/any/search", json=body, buffered=True).status_code == 429
    assert client.post("/api/v2/collections/any/search", json=body).status_code == 503


def test_all_threads_are_more_than_all_places() -> None:
    settings = ApiSettings(max_searches=3, max_files=20)
    assert settings.threads() == sum(settings.places().values()) + RESERVE
    assert set(settings.places()) == set(Lane)


class Wrapper:
    """What a server sends by itself, like gunicorn's."""

    def __init__(self, file: Any, _: int = 8192) -> None:
        self.file = file
        self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"bytes"])


@pytest.mark.parametrize("wrapper", [{}, {"wsgi.file_wrapper": Wrapper}])
@pytest.mark.parametrize("sends_file", [True, False])
def test_a_place_is_kept_until_the_answer_has_been_sent(
    app: Flask, lanes: Lanes, wrapper: dict[str, object], sends_file: bool
) -> None:
    file = io.BytesIO(b"bytes")

    @app.get("/test")
    @admitted(Lane.FILES)
    def send() -> Any:
        from flask import send_file

        return send_file(file, mimetype="image/png") if sends_file else "bytes"

    environ = EnvironBuilder("/test").get_environ() | wrapper
    chunks, status, _ = run_wsgi_app(app.wsgi_app, environ)
    assert status == "200 OK"
    with pytest.raises(Busy), ExitStack() as held:
        lanes.enter(Lane.FILES, held)
    chunks.close()  # type: ignore[attr-defined]
    assert file.closed == sends_file
    with ExitStack() as held:
        lanes.enter(Lane.FILES, held)


def test_a_place_comes_back_when_the_answer_breaks_behind_the_view(app: Flask, lanes: Lanes) -> None:
    @app.get("/broken")
    @admitted(Lane.FILES)
    def send() -> str:
        from flask import after_this_request

        after_this_request(lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
        return "never sent"

    assert app.test_client().get("/broken", buffered=True).status_code == 500
    with ExitStack() as held:
        lanes.enter(Lane.FILES, held)
