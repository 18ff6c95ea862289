"""A URL is fetched only where the operator allows it, from a public address, whole, and in time."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from imagesearch.errors import UrlRefused
from imagesearch.outgoing.addresses import is_public
from imagesearch.outgoing.connection import Dialler, Resolve
from imagesearch_api.search.url_fetcher import UrlFetcher
from support.tls_server import HOST, TlsServer, certificate, response

PICTURE = b"\xff\xd8 the bytes of a picture"
Answer = Callable[[str, Callable[[bytes], None], Event], None]


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def serve(pem: Path) -> Iterator[Callable[[Answer], TlsServer]]:
    made: list[TlsServer] = []

    def start(answer: Answer) -> TlsServer:
        made.append(TlsServer(pem, answer))
        return made[-1]

    yield start
    for server in made:
        server.close()


def fetcher(
    server: TlsServer,
    *,
    hosts: tuple[str, ...] | None = None,
    max_bytes: int = 1000,
    seconds: float = 20.0,
    resolve: Resolve = lambda host, port, seconds: ["127.0.0.1"],
    is_allowed: Callable[[str], bool] = lambda address: True,
) -> UrlFetcher:
    dialler = Dialler(resolve, is_allowed, server.trust())
    return UrlFetcher(hosts or (f"{HOST}:{server.port}",), max_bytes, seconds, dialler)


def always(answer: bytes) -> Answer:
    return lambda path, send, over: send(answer)


def refusal(fetch: UrlFetcher, url: str) -> str:
    with pytest.raises(UrlRefused) as caught:
        fetch(url)
    return caught.value.rule


def test_the_address_that_was_checked_is_connected_to_under_the_hosts_own_name(
    serve: Callable[[Answer], TlsServer],
) -> None:
    server = serve(always(response(PICTURE)))
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int, seconds: float) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    url = f"https://{HOST}:{server.port}/a/cat.jpg?size=1#top"
    assert fetcher(server, resolve=resolve)(url) == PICTURE
    assert asked == [(HOST, server.port)]
    assert server.seen[0].server_name == HOST
    assert server.seen[0].lines[0] == "GET /a/cat.jpg?size=1 HTTP/1.1"
    assert f"Host: {HOST}:{server.port}" in server.seen[0].lines


def test_without_allowed_hosts_nothing_is_fetched() -> None:
    def resolve(host: str, port: int, seconds: float) -> list[str]:
        raise AssertionError("nothing is looked up")

    assert "ALLOWED_URL_HOSTS" in refusal(
        UrlFetcher((), 1000, 5.0, Dialler(resolve)), "https://example.com/cat.jpg"
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://pictures.example/cat.jpg",
        "ftp://pictures.example/cat.jpg",
        "file:///etc/passwd",
        "https://other.example/cat.jpg",
        "https://pictures.example.evil.example/cat.jpg",
        "https://pictures.example:8443/cat.jpg",
        "https://pictures.example:99999/cat.jpg",
        "https://user:secret@pictures.example/cat.jpg",
        "https://pictures.example@evil.example/cat.jpg",
        "https://evil.example\\@pictures.example/",
        "https://pictures.example/a b",
        "https://pictures.example/\r\nX-Header: 1",
        "https://[::1/cat.jpg",
        "https:///cat.jpg",
        "cat.jpg",
        "",
    ],
)
def test_what_is_not_a_plain_https_url_of_an_allowed_host_is_refused(url: str) -> None:
    def resolve(host: str, port: int, seconds: float) -> list[str]:
        raise AssertionError("nothing is looked up")

    assert refusal(UrlFetcher((HOST,), 1000, 5.0, Dialler(resolve)), url)


def test_a_pattern_allows_names_below_a_domain_and_not_the_domain_itself() -> None:
    looked_up: list[str] = []

    def resolve(host: str, port: int, seconds: float) -> list[str]:
        looked_up.append(host)
        return ["10.0.0.1"]

    fetch = UrlFetcher(("*.example.com",), 1000, 5.0, Dialler(resolve))
    for host in ("a.example.com", "A.B.Example.COM", "example.com", "aexample.com"):
        refusal(fetch, f"https://{host}/cat.jpg")
    assert looked_up == ["a.example.com", "a.b.example.com"]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *(
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
        ),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1"),
        *("2002:7f00:1::", "2002:a00:1::", "fec0::1", "2001:db8::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe"),
    ],
)
def test_addresses_that_are_not_public_are_told(address: str) -> None:
    assert not is_public(address)
    fetch = UrlFetcher((HOST,), 1000, 5.0, Dialler(lambda host, port, seconds: ["93.184.215.14", address]))
    assert "public" in refusal(fetch, f"https://{HOST}/cat.jpg")


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"],
)
def test_public_addresses_are_told(address: str) -> None:
    assert is_public(address)


def test_a_server_that_is_not_the_host_is_refused(serve: Callable[[Answer], TlsServer]) -> None:
    server = serve(always(response(PICTURE)))
    fetch = fetcher(server, hosts=(f"other.example:{server.port}",))
    assert refusal(fetch, f"https://other.example:{server.port}/cat.jpg")
    assert server.seen == []


def test_redirects_are_followed_and_checked_anew(serve: Callable[[Answer], TlsServer]) -> None:
    steps = {
        "/1": response(b"", "302 Found", Location="/2"),
        "/2": response(b"", "301 Moved Permanently", Location="3?x=1"),
        "/3?x=1": response(PICTURE),
        "/inside": response(b"", "302 Found", Location="https://localhost/secret"),
        "/plain": response(b"", "302 Found", Location="http://pictures.example/cat.jpg"),
        "/round": response(b"", "307 Temporary Redirect", Location="/round"),
        "/nowhere": response(b"", "302 Found"),
    }
    server = serve(lambda path, send, over: send(steps[path]))
    base = f"https://{HOST}:{server.port}"
    assert fetcher(server)(f"{base}/1") == PICTURE
    assert "ALLOWED_URL_HOSTS" in refusal(fetcher(server), f"{base}/inside")
    assert "https" in refusal(fetcher(server), f"{base}/plain")
    assert "more than 3" in refusal(fetcher(server), f"{base}/round")
    assert "more than 3" in refusal(fetcher(server), f"{base}/nowhere")


def test_a_host_whose_address_turns_private_between_redirects_is_refused(
    serve: Callable[[Answer], TlsServer],
) -> None:
    server = serve(always(response(b"", "302 Found", Location="/next")))
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    fetch = fetcher(server, resolve=lambda *_: next(answers), is_allowed=lambda address: address == "127.0.0.1")
    assert "public" in refusal(fetch, f"https://{HOST}:{server.port}/cat.jpg")
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(b"x" * 1001), "larger than 1000"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 1001, "larger than 1000"),
        (response(b"gone", "404 Not Found"), "404"),
        (response(b"x", Content_Encoding="gzip"), "compressed"),
        (response(b"short", Content_Length="500"), "in time"),
        (b"no HTTP at all\r\n\r\n", "in time"),
    ],
)
def test_an_answer_that_is_no_whole_file_of_fair_size_is_refused(
    serve: Callable[[Answer], TlsServer], answer: bytes, said: str
) -> None:
    server = serve(always(answer))
    assert said in refusal(fetcher(server), f"https://{HOST}:{server.port}/cat.jpg")


def test_a_server_that_keeps_sending_single_bytes_is_left_when_the_time_is_up(
    serve: Callable[[Answer], TlsServer],
) -> None:
    def drip(path: str, send: Callable[[bytes], None], over: Event) -> None:
        send(b"HTTP/1.1 200 OK\r\n" + (b"" if path == "/head" else b"\r\n"))
        while not over.wait(0.05):
            send(b"X-Endless: 1\r\n" if path == "/head" else b"x")

    server = serve(drip)
    fetch = fetcher(server, seconds=0.7, max_bytes=10**9)
    for path in ("/head", "/body"):
        assert "in time" in refusal(fetch, f"https://{HOST}:{server.port}{path}")


def test_a_host_that_cannot_be_resolved_is_refused() -> None:
    def fail(host: str, port: int, seconds: float) -> list[str]:
        raise socket.gaierror(-2, "unknown")

    assert refusal(UrlFetcher((HOST,), 1000, 5.0, Dialler(fail)), f"https://{HOST}/cat.jpg")
