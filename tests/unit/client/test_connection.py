"""What is asked again and what is not, for how long, and which errors come out."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from imagesearch_client import (
    ApiError,
    Busy,
    Client,
    ClientError,
    FieldError,
    Patience,
    ProtocolError,
    Unavailable,
)
from support.fake_api import FakeApi, job, ok, problem

JOBS = "/api/v2/jobs"
JOB = "/api/v2/jobs/17"
CATS = "/api/v2/collections/cats"
SEARCH = "/api/v2/collections/default/search"
FOUND: dict[str, object] = {"results": [], "took_ms": {}}

REFUSED = httpx.ConnectError("[Errno 111] Connection refused")
RESET = httpx.ReadError("[Errno 104] Connection reset by peer")
CUT = httpx.RemoteProtocolError("Server disconnected without sending a response.")
SLOW = httpx.ReadTimeout("timed out")


@pytest.mark.parametrize("failure", [REFUSED, RESET, CUT, SLOW, problem(503, "milvus is not available")])
def test_reading_outlasts_an_api_that_is_away(api: FakeApi, failure: httpx.Response | Exception) -> None:
    api.on("GET", JOB, failure, failure, ok(job()))

    assert api.client().job("17").id == "17"
    assert api.clock.sleeps == [0.25, 0.5]


def test_pauses_double_up_to_the_longest(api: FakeApi) -> None:
    api.on("GET", JOB, *[REFUSED] * 5, ok(job()))

    api.client(patience=Patience(first_pause=1.0, longest_pause=5.0)).job("17")

    assert api.clock.sleeps == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_the_api_says_when_to_come_back(api: FakeApi) -> None:
    api.on("GET", JOB, problem(503, "starting", retry_after="7"), ok(job()))

    api.client().job("17")

    assert api.clock.sleeps == [7.0]


def test_when_to_come_back_may_be_a_date(api: FakeApi) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    api.on("GET", JOB, problem(503, "starting", retry_after=soon), ok(job()))

    api.client().job("17")

    assert 25 < api.clock.sleeps[0] <= 30


@pytest.mark.parametrize("nonsense", ["soon", "-3", "1e3", ""])
def test_a_retry_after_that_says_nothing_counts_as_none(api: FakeApi, nonsense: str) -> None:
    api.on("GET", JOB, problem(503, "starting", retry_after=nonsense), ok(job()))

    api.client().job("17")

    assert api.clock.sleeps == [0.25]


def test_patience_ends(api: FakeApi) -> None:
    api.on("GET", JOB, REFUSED)

    with pytest.raises(Unavailable, match=r"cannot reach http://api\.test: .*refused"):
        api.client(patience=Patience(seconds=20)).job("17")

    assert 10 < sum(api.clock.sleeps) <= 20


def test_a_request_that_hung_before_it_failed_has_not_spent_the_patience(api: FakeApi) -> None:
    def hang(_: httpx.Request) -> httpx.Response:
        api.clock.now += 30
        raise RESET

    api.on("GET", JOB, hang, ok(job()))

    assert api.client(patience=Patience(seconds=10)).job("17").id == "17"


def test_a_pause_beyond_the_patience_is_not_begun(api: FakeApi) -> None:
    api.on("GET", JOB, problem(503, "postgres is not available", retry_after="120"))

    with pytest.raises(Unavailable, match="postgres is not available") as caught:
        api.client(patience=Patience(seconds=60)).job("17")

    assert caught.value.retry_after == 120
    assert api.clock.sleeps == []


def test_every_pause_is_told(api: FakeApi) -> None:
    told: list[tuple[str, float]] = []
    api.on("GET", JOB, problem(503, "starting", retry_after="2"), ok(job()))

    api.client(patience=Patience(on_pause=lambda reason, pause: told.append((str(reason), pause)))).job("17")

    assert told == [("starting", 2.0)]


@pytest.mark.parametrize("failure", [REFUSED, RESET, SLOW, problem(503, "redis is not available")])
@pytest.mark.parametrize(
    ("path", "answer", "make"),
    [
        (JOBS, job("planning"), lambda client: client.submit_job("/photos")),
        ("/api/v2/collections", {"name": "new", "images": 0}, lambda client: client.create_collection("new")),
        (f"{CATS}/images", {"id": 4, "path": "/cat.jpg"}, lambda client: client.add_image("cats", b"cat")),
    ],
)
def test_what_makes_something_is_sent_again_under_the_same_key(
    api: FakeApi,
    path: str,
    answer: dict[str, object],
    make: Callable[[Client], object],
    failure: httpx.Response | Exception,
) -> None:
    api.on("POST", path, failure, ok(answer, 202))

    make(api.client())

    first, second = (request.headers["Idempotency-Key"] for request in api.requests)
    assert first == second
    # But for the boundaries of forms, which are made up.
    assert len({re.sub(rb"[0-9a-f]{32}", b"", request.content) for request in api.requests}) == 1


def test_two_submissions_have_two_keys(api: FakeApi) -> None:
    api.on("POST", JOBS, ok(job("planning"), 202))
    client = api.client()

    client.submit_job("/photos")
    client.submit_job("/photos")

    assert len({request.headers["Idempotency-Key"] for request in api.requests}) == 2


@pytest.mark.parametrize("failure", [REFUSED, SLOW, problem(503, "no query extractor", retry_after="1")])
def test_a_search_is_not_repeated(api: FakeApi, failure: httpx.Response | Exception) -> None:
    api.on("POST", SEARCH, failure, ok(FOUND))

    with pytest.raises(Unavailable):
        api.client().search("default", b"picture")

    assert len(api.requests) == 1


@pytest.mark.parametrize("reset", [RESET, CUT])
def test_a_search_is_repeated_at_once_when_the_connection_was_cut(api: FakeApi, reset: Exception) -> None:
    api.on("POST", SEARCH, reset, ok(FOUND))

    api.client().search("default", b"picture")

    assert api.clock.sleeps == []
    assert b"picture" in api.requests[1].content


def test_a_search_gives_up_when_connections_are_cut_again_and_again(api: FakeApi) -> None:
    api.on("POST", SEARCH, RESET)

    with pytest.raises(Unavailable, match="reset by peer"):
        api.client().search("default", b"picture")

    assert len(api.requests) == 3


@pytest.mark.parametrize(
    ("method", "path", "act"),
    [
        ("POST", f"{JOB}/retry", lambda client: client.retry("17")),
        ("DELETE", "/api/v2/collections/old", lambda client: client.delete_collection("old")),
        ("DELETE", "/api/v2/collections/default/images/4", lambda client: client.delete_image("default", 4)),
        ("POST", "/api/v2/admin/reconcile", lambda client: client.reconcile()),
    ],
)
@pytest.mark.parametrize("failure", [RESET, problem(503, "postgres is not available")])
def test_what_could_act_twice_is_sent_once(
    api: FakeApi, method: str, path: str, act: Callable[[Client], object], failure: httpx.Response | Exception
) -> None:
    api.on(method, path, failure)

    with pytest.raises(Unavailable):
        act(api.client())

    assert len(api.requests) == 1


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume"])
@pytest.mark.parametrize("failure", [RESET, problem(503, "postgres is not available")])
def test_what_changes_nothing_the_second_time_is_sent_again(
    api: FakeApi, verb: str, failure: httpx.Response | Exception
) -> None:
    api.on("POST", f"{JOB}/{verb}", failure, ok(job("paused")))

    assert getattr(api.client(), verb)("17").state == "paused"


@pytest.mark.parametrize("status", [502, 504])
def test_a_proxy_without_its_api_is_an_api_that_is_away(api: FakeApi, status: int) -> None:
    api.on("GET", JOB, httpx.Response(status, text="<html>Bad Gateway</html>"), ok(job()))

    assert api.client().job("17").id == "17"


def test_a_refusal_says_what_is_wrong_and_where(api: FakeApi) -> None:
    errors = [{"field": "top_k", "rule": "a whole number from 1 to 16384"}]
    api.on("POST", SEARCH, problem(400, "top_k is wrong", errors=errors))

    with pytest.raises(ApiError) as caught:
        api.client().search("default", b"picture", top_k=0)

    error = caught.value
    assert (error.status, error.title, error.detail) == (400, "Problem", "top_k is wrong")
    assert error.errors == (FieldError("top_k", "a whole number from 1 to 16384"),)
    assert str(error) == "top_k is wrong"


@pytest.mark.parametrize("status", [400, 404, 409, 413, 415, 500])
def test_a_refusal_is_never_asked_again(api: FakeApi, status: int) -> None:
    api.on("GET", JOB, problem(status, "no", retry_after="1"))

    with pytest.raises(ApiError) as caught:
        api.client().job("17")

    assert (caught.value.status, caught.value.retry_after) == (status, 1.0)
    assert len(api.requests) == 1


ASKED: dict[str, Callable[[Client], object]] = {
    f"GET {JOB}": lambda client: client.job("17"),
    f"POST {SEARCH}": lambda client: client.search("default", b"picture"),
    f"POST {JOBS}": lambda client: client.submit_job("/photos"),
}


@pytest.mark.parametrize("asked", ASKED)
def test_whatever_a_busy_api_turned_away_is_asked_again_when_it_says(api: FakeApi, asked: str) -> None:
    method, path = asked.split()
    api.on(method, path, problem(429, "busy", retry_after="2"), ok(FOUND if path == SEARCH else job()))

    ASKED[asked](api.client())

    assert api.clock.sleeps == [2.0]
    assert len(api.requests) == 2


def test_an_api_that_stays_busy_is_given_up_by_that_name(api: FakeApi) -> None:
    api.on("POST", SEARCH, problem(429, "12 searches are in flight already", retry_after="2"))

    with pytest.raises(Busy, match="12 searches are in flight already"):
        api.client(patience=Patience(seconds=5)).search("default", b"x")

    assert api.clock.sleeps == [2.0, 2.0]


@pytest.mark.parametrize(
    "body", ["<html>", "", "[]", '"no"', '{"title": 3, "detail": [], "errors": {}}', '{"errors": [1]}']
)
def test_a_refusal_without_problem_details_still_has_its_status(api: FakeApi, body: str) -> None:
    api.on("GET", JOB, httpx.Response(418, text=body))

    with pytest.raises(ApiError, match="418 I'm a teapot") as caught:
        api.client().job("17")

    assert (caught.value.detail, caught.value.errors) == (None, ())


def test_a_page_of_another_server_is_no_answer(api: FakeApi) -> None:
    api.on("GET", JOB, httpx.Response(200, text="<html>It works!</html>"))

    with pytest.raises(ProtocolError, match=r"is http://api\.test the image search API\?"):
        api.client().job("17")


def test_a_redirect_is_named_and_not_followed(api: FakeApi) -> None:
    api.on("GET", JOB, httpx.Response(308, headers={"Location": "https://api.test/"}))

    with pytest.raises(ProtocolError, match=r"redirects to https://api\.test/"):
        api.client().job("17")


@pytest.mark.parametrize(
    "url", ["", "api.test:5000", "ftp://api.test", "http://", "http://a\x00b", "http://a:port"]
)
def test_a_wrong_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ClientError, match="is not a"):
        Client(url)


def test_a_password_in_the_url_does_not_show_in_errors(api: FakeApi) -> None:
    api.on("GET", JOB, REFUSED)

    with pytest.raises(Unavailable) as caught:
        api.client("http://me:secret@api.test", Patience(seconds=0)).job("17")

    assert "secret" not in str(caught.value)
    assert api.requests[0].headers["Authorization"].startswith("Basic ")


def test_an_api_below_a_path_is_asked_there(api: FakeApi) -> None:
    api.on("GET", f"/pictures{JOB}", ok(job()))

    assert api.client("http://api.test/pictures/").job("17").id == "17"


class OneAnswer(BaseHTTPRequestHandler):
    """Answer one search per connection and then close it without a word, as a restarting server does."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # the name that http.server calls
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = b'{"results": [], "took_ms": {}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def loopback() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), OneAnswer) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_searches_go_on_over_connections_that_the_server_has_closed(loopback: str) -> None:
    with Client(loopback) as client:
        for _ in range(5):
            assert client.search("default", b"picture").results == ()


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    loopback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.invalid:3128")

    with Client(loopback) as client:
        assert client.search("default", b"picture").results == ()


def test_a_key_goes_along_with_each_request(api: FakeApi) -> None:
    api.on("GET", JOB, REFUSED, ok(job()))

    api.client(api_key="imagesearch_1_x").job("17")

    assert [request.headers["Authorization"] for request in api.requests] == ["Bearer imagesearch_1_x"] * 2


def test_without_a_key_none_is_sent(api: FakeApi) -> None:
    api.on("GET", JOB, ok(job()))

    api.client().job("17")

    assert "Authorization" not in api.requests[0].headers


@pytest.mark.parametrize("text", ["", "imagesearch_1_x ", "imagesearch_1\n_x", "imagesearch_1_\xe4"])
def test_what_no_header_can_hold_is_no_key_and_is_not_shown(text: str) -> None:
    with pytest.raises(ClientError, match="not one") as refused:
        Client("http://api.test", api_key=text)
    assert not text or text not in str(refused.value)


def test_a_key_and_a_password_exclude_each_other() -> None:
    with pytest.raises(ClientError, match="same header") as refused:
        Client("http://user:secret@api.test", api_key="imagesearch_1_x")
    assert "secret" not in str(refused.value)
