"""Pages of other sites change nothing, and a name that was made to point here reaches nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import ValidationError
from werkzeug.test import Client, TestResponse

from imagesearch.errors import StoreUnavailable
from imagesearch_api.app import create_app
from imagesearch_api.settings import ApiSettings
from support.api_twin import services_of

EVIL = "http://evil.example"
CHANGES = [
    ("POST", "/api/v1/delete"),
    ("POST", "/api/v1/delete/"),
    ("POST", "/api/v1/count"),
    ("POST", "/api/v2/jobs"),
    ("DELETE", "/api/v2/collections/cats"),
    ("PATCH", "/api/v2/collections/cats"),
    ("PUT", "/api/v2/aliases/pets"),
    ("POST", "/nowhere/at/all"),
    ("PUT", "/healthz"),
    ("BREW", "/api/v1/delete"),
]
READS = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/process",
    "/api/v2/openapi.json",
    "/api/v2/images/1/file",
    "/x",
]


class Catalogue:
    """A catalogue that counts how often somebody comes to it, and is down."""

    def __init__(self) -> None:
        self.asked = 0

    def transaction(self) -> None:
        self.asked += 1
        raise StoreUnavailable("postgres", "down in this test")

    reading = transaction


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture
def serve(catalogue: Catalogue) -> Callable[..., FlaskClient]:
    def made(**settings: Any) -> FlaskClient:
        return create_app(services_of(ApiSettings(**settings), catalog=catalogue)).test_client()

    return made


@pytest.fixture
def http(serve: Callable[..., FlaskClient]) -> FlaskClient:
    return serve()


def refusal(response: TestResponse) -> tuple[int, str]:
    """Return the status, and the header that the problem names."""
    assert response.content_type == "application/problem+json"
    body = response.get_json()
    assert body["status"] == response.status_code
    return response.status_code, body["errors"][0]["field"]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_foreign_page_is_refused_before_anything_is_looked_at(
    http: FlaskClient, catalogue: Catalogue, method: str, path: str
) -> None:
    response = http.open(path, method=method, headers={"Origin": EVIL}, data={"Table": "cats"})
    assert refusal(response) == (403, "Origin")
    assert "Access-Control-Allow-Origin" not in response.headers
    assert not catalogue.asked


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "*",
        "http://localhost:3000",
        "https://localhost",
        "http://127.0.0.1",
        "http://localhost.evil.example",
        "http://localhost:8001.evil.example",
        "http://localhost:8001/",
        "http://localhost:8001, http://localhost:8001",
        "http://localhost http://evil.example",
        "http://user@localhost",
        "file://",
    ],
)
def test_an_origin_that_is_not_exactly_ours_or_allowed_is_foreign(http: FlaskClient, origin: str) -> None:
    assert refusal(http.post("/api/v1/delete", headers={"Origin": origin})) == (403, "Origin")


def test_two_origins_are_foreign_though_each_is_allowed(http: FlaskClient) -> None:
    headers = [("Origin", "http://localhost:8001"), ("Origin", "http://127.0.0.1:8001")]
    assert refusal(http.post("/api/v1/delete", headers=headers)) == (403, "Origin")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost", "http://localhost"),
        ("localhost", "http://localhost:80"),
        ("LOCALHOST:5000", "http://localhost:5000"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("127.0.0.1:5000", "http://localhost:8001"),
        ("localhost:5000", "http://127.0.0.1:8001"),
        ("localhost:5000", "HTTP://LOCALHOST:8001"),
    ],
)
def test_our_own_pages_and_the_published_client_may_change_things(
    http: FlaskClient, host: str, origin: str
) -> None:
    headers = {"Host": host, "Origin": origin, "Sec-Fetch-Site": "same-site"}
    assert http.post("/api/v1/delete", headers=headers).status_code == 503


def test_programs_send_no_origin_and_are_served(http: FlaskClient) -> None:
    assert http.post("/api/v1/delete").status_code == 503


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "junk"])
def test_a_browser_that_names_no_origin_says_whether_the_page_is_foreign(http: FlaskClient, site: str) -> None:
    assert refusal(http.post("/api/v1/delete", headers={"Sec-Fetch-Site": site})) == (403, "Sec-Fetch-Site")


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_reader_who_asks_without_a_foreign_page_is_served(http: FlaskClient, site: str) -> None:
    assert http.post("/api/v1/delete", headers={"Sec-Fetch-Site": site}).status_code == 503


def test_foreign_pages_may_link_to_what_changes_nothing(http: FlaskClient) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        headers = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
        response = http.open("/healthz", method=method, headers=headers)
        assert response.status_code == 200
        assert "Access-Control-Allow-Origin" not in response.headers


def test_a_page_is_only_told_that_it_may_where_it_may(serve: Callable[..., FlaskClient]) -> None:
    http = serve(cors_origins="https://pics.example, http://[::1]:8001")
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
    for origin in ("https://pics.example", "http://[::1]:8001"):
        allowed = http.options("/api/v1/delete", headers={"Origin": origin, **ask})
        assert allowed.headers["Access-Control-Allow-Origin"] == origin
        assert allowed.headers["Access-Control-Allow-Private-Network"] == "false"
        assert http.post("/api/v1/delete", headers={"Origin": origin}).status_code == 503
    for origin in (EVIL, "https://pics.example.evil.example", "https://picsaexample", "http://::8001"):
        refused = http.options("/api/v1/delete", headers={"Origin": origin, **ask})
        assert "Access-Control-Allow-Origin" not in refused.headers
        assert http.post("/api/v1/delete", headers={"Origin": origin}).status_code == 403


def test_every_page_may_where_the_operator_says_so(serve: Callable[..., FlaskClient]) -> None:
    http = serve(cors_origins="*")
    for headers in ({"Origin": EVIL}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert http.post("/api/v1/delete", headers=headers).status_code == 503
    assert http.get("/healthz", headers={"Host": "evil.example"}).status_code == 421


def test_pages_of_the_public_url_are_our_own_behind_a_proxy_that_says_nothing(
    serve: Callable[..., FlaskClient],
) -> None:
    http = serve(public_url="https://Pics.Example/search/")
    ours = {"Host": "localhost:5000", "Origin": "https://pics.example"}
    assert http.post("/api/v1/delete", headers=ours).status_code == 503
    other_port = {**ours, "Origin": "https://pics.example:8443"}
    assert refusal(http.post("/api/v1/delete", headers=other_port)) == (403, "Origin")


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:5000", "localhost.evil.example:5000"])
def test_a_rebound_name_reads_nothing(http: FlaskClient, catalogue: Catalogue, host: str, path: str) -> None:
    response = http.get(path, headers={"Host": host, "Sec-Fetch-Site": "same-origin"})
    assert refusal(response) == (421, "Host")
    assert not catalogue.asked


def test_a_rebound_name_is_refused_though_its_page_is_of_one_origin_with_it(http: FlaskClient) -> None:
    headers = {"Host": "evil.example:5000", "Origin": "http://evil.example:5000"}
    assert refusal(http.post("/api/v1/delete", headers=headers)) == (421, "Host")
    assert refusal(http.options("/api/v1/delete", headers=headers)) == (421, "Host")


@pytest.mark.parametrize(
    "host",
    ["", " ", "localhost,evil.example", "evil.example,localhost", "localhost:", "localhost:x", "@localhost"],
)
def test_a_malformed_host_is_none_of_ours(http: FlaskClient, host: str) -> None:
    assert refusal(http.get("/healthz", environ_overrides={"HTTP_HOST": host})) == (421, "Host")


def test_a_missing_host_is_none_of_ours(http: FlaskClient) -> None:
    def without(environ: dict[str, Any], start_response: Any) -> Any:
        del environ["HTTP_HOST"]
        return http.application.wsgi_app(environ, start_response)

    assert refusal(Client(without).get("/healthz")) == (421, "Host")


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({"public_url": "https://pics.example/search"}, "pics.example"),
        ({"allowed_hosts": "other.example, Pics.Example"}, "PICS.example:8443"),
        ({"allowed_hosts": "[2001:db8:0::1]"}, "[2001:db8::1]:80"),
    ],
)
def test_a_proxy_in_front_has_a_name_of_its_own(
    serve: Callable[..., FlaskClient], settings: dict[str, str], host: str
) -> None:
    http = serve(**settings)
    assert http.get("/healthz", headers={"Host": host}).status_code == 200
    assert refusal(http.get("/healthz", headers={"Host": f"x.{host}"})) == (421, "Host")


def test_a_forwarded_name_is_judged_beside_the_one_that_came(serve: Callable[..., FlaskClient]) -> None:
    http = serve(trusted_proxies=1, allowed_hosts="pics.example")
    for came, forwarded, status in (
        ("127.0.0.1:5000", "pics.example", 200),
        ("pics.example", "pics.example", 200),
        ("evil.example:5000", "pics.example", 421),
        ("evil.example:5000", "localhost", 421),
        ("127.0.0.1:5000", "evil.example", 421),
        ("127.0.0.1:5000", "evil.example, localhost", 200),
    ):
        headers = {"Host": came, "X-Forwarded-Host": forwarded}
        assert http.get("/healthz", headers=headers).status_code == status, headers


def test_the_forwarded_origin_is_our_own(serve: Callable[..., FlaskClient]) -> None:
    http = serve(trusted_proxies=1, allowed_hosts="pics.example")
    forwarded = {"X-Forwarded-Host": "pics.example", "X-Forwarded-Proto": "https"}
    for origin, status in (("https://pics.example", 503), ("http://pics.example", 403), ("http://localhost", 403)):
        headers = {"Origin": origin, **forwarded}
        assert http.post("/api/v1/delete", headers=headers).status_code == status, origin


def test_forwarded_headers_of_strangers_count_for_nothing(http: FlaskClient) -> None:
    headers = {"Origin": EVIL, "X-Forwarded-Host": "evil.example"}
    assert refusal(http.post("/api/v1/delete", headers=headers)) == (403, "Origin")
    hidden = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
    assert refusal(http.get("/healthz", headers=hidden)) == (421, "Host")


@pytest.mark.parametrize(
    ("listens_on", "status"),
    [
        ("127.0.0.1", 421),
        ("127.8.8.8", 421),
        ("::1", 421),
        ("::ffff:127.0.0.1", 421),
        ("localhost", 421),
        ("a-name-that-says-nothing", 421),
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8::1", 200),
    ],
)
def test_other_addresses_are_asked_by_other_names(http: FlaskClient, listens_on: str, status: int) -> None:
    response = http.get(
        "/healthz", headers={"Host": "pics.example"}, environ_overrides={"SERVER_NAME": listens_on}
    )
    assert response.status_code == status


def test_the_listening_address_is_known_behind_a_proxy_that_replaces_it(serve: Callable[..., FlaskClient]) -> None:
    http = serve(trusted_proxies=1)
    headers = {"Host": "evil.example", "X-Forwarded-Host": "10.1.2.3"}
    overrides = {"SERVER_NAME": "127.0.0.1"}
    assert http.get("/healthz", headers=headers, environ_overrides=overrides).status_code == 421


def test_the_connection_tells_what_a_server_on_every_address_does_not(http: FlaskClient) -> None:
    with (
        socket.create_server(("0.0.0.0", 0)) as server,  # noqa: S104 - the point of this test
        socket.create_connection(("127.0.0.1", server.getsockname()[1])),
        server.accept()[0] as connection,
    ):
        overrides = {"gunicorn.socket": connection, "SERVER_NAME": "10.1.2.3"}
        asked = http.get("/healthz", headers={"Host": "evil.example"}, environ_overrides=overrides)
        assert refusal(asked) == (421, "Host")


def test_whoever_asks_through_a_unix_socket_is_on_this_machine(http: FlaskClient) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        # Without an address gunicorn takes the server's name from the request.
        overrides = {"gunicorn.socket": ours, "SERVER_NAME": "10.1.2.3"}
        for host, status in (("10.1.2.3", 421), ("localhost", 200)):
            response = http.get("/healthz", headers={"Host": host}, environ_overrides=overrides)
            assert response.status_code == status


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cors_origins", "null"),
        ("cors_origins", "localhost:8001"),
        ("cors_origins", "http://localhost:8001/"),
        ("cors_origins", "https://*.example.com"),
        ("allowed_hosts", "pics.example:443"),
        ("allowed_hosts", "https://pics.example"),
        ("allowed_hosts", "*"),
    ],
)
def test_settings_that_would_never_match_end_the_start(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name.upper()):
        ApiSettings(**{name: value})
