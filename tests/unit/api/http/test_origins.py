"""Two spellings of one host or origin are equal; what is none is told from them."""

from __future__ import annotations

import pytest

from imagesearch_api.http.origins import Authority, Origin


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost", "localhost", None),
        ("LOCALHOST:5000", "localhost", 5000),
        ("Pics.Example:80", "pics.example", 80),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
        ("[::1]:5000", "[::1]", 5000),
        ("[0:0:0:0:0:0:0:1]", "[::1]", None),
        ("[2001:DB8::0:1]", "[2001:db8::1]", None),
    ],
)
def test_a_host_is_read_in_one_form(text: str, host: str, port: int | None) -> None:
    assert Authority.parse(text) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":5000",
        "localhost:",
        "localhost:65536",
        "localhost:5000:5000",
        "localhost:port",
        "localhost:-1",
        "localhost:٣",
        "localhost,evil.example",
        "localhost evil.example",
        "localhost\n",
        " localhost",
        "localhost/",
        "user@localhost",
        "localhost#",
        "[::1",
        "::1",
        "[]",
        "[:::]",
        "[127.0.0.1]",
        "[::1]evil.example",
        "[::1%25lo]",
        "lòcalhost",
    ],
)
def test_what_is_no_host_is_none(text: str) -> None:
    assert Authority.parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "LocalHost:1",
        "pics.localhost",
        "127.0.0.1",
        "127.255.3.4:5000",
        "[::1]:1",
        "[::ffff:127.0.0.1]",
    ],
)
def test_loopback_names_are_known(text: str) -> None:
    found = Authority.parse(text)
    assert found is not None
    assert found.is_loopback


@pytest.mark.parametrize(
    "text",
    [
        "evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "127.evil.example",
        "127.1",
        "0.0.0.0",  # noqa: S104 - a host to ask, not to listen on
        "10.0.0.1",
        "[::]",
        "[2001:db8::1]",
        "[::ffff:10.0.0.1]",
    ],
)
def test_names_that_only_look_like_loopback_are_not(text: str) -> None:
    found = Authority.parse(text)
    assert found is not None
    assert not found.is_loopback


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://pics.example", "http://pics.example:80"),
        ("https://PICS.example:443", "HTTPS://pics.example"),
        ("http://[::1]:8001", "http://[0::1]:8001"),
    ],
)
def test_spellings_of_one_origin_are_equal(one: str, other: str) -> None:
    first, second = Origin.parse(one), Origin.parse(other)
    assert first is not None
    assert first == second
    assert str(first) == str(second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://pics.example", "https://pics.example"),
        ("http://pics.example", "http://pics.example:443"),
        ("http://pics.example", "http://pics.example.evil.example"),
        ("http://pics.example:8001", "http://pics.example:80"),
        ("http://localhost", "http://127.0.0.1"),
    ],
)
def test_origins_differ_by_scheme_host_and_port(one: str, other: str) -> None:
    assert Origin.parse(one) != Origin.parse(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "*",
        "pics.example",
        "//pics.example",
        "http://",
        "http:pics.example",
        "http://pics.example/",
        "http://pics.example/path",
        "http://user@pics.example",
        "http://pics.example http://other.example",
        "http://pics.example,http://other.example",
        "http://pics.example\t",
        "ht tp://pics.example",
        "http://http://pics.example",
    ],
)
def test_what_is_no_origin_is_none(text: str) -> None:
    assert Origin.parse(text) is None


@pytest.mark.parametrize("text", ["http://[::1]:8001", "https://pics.example", "moz-extension://a-b-c"])
def test_an_origin_is_written_as_browsers_write_it(text: str) -> None:
    assert str(Origin.parse(text)) == text
