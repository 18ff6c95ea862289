"""The id of a request is one that lines of log can carry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from imagesearch import request_id


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    request_id.end()


@pytest.mark.parametrize("given", ["a", "7f3c-1", "Root=1-67891233-abcdef012345678912345678", "x" * 64])
def test_a_sane_id_is_kept(given: str) -> None:
    assert request_id.begin(given) == given
    assert structlog.contextvars.get_contextvars()["request"] == given
    assert request_id.headers() == {"imagesearch_request": given}


@pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", "a\nb", 'a"b', "é", "a\x00"])
def test_any_other_is_replaced(given: str | None) -> None:
    first, second = request_id.begin(given), request_id.begin(given)
    assert len(first) == 32
    assert first != second


def test_nothing_is_left_of_a_request_that_has_ended() -> None:
    request_id.begin("one")
    request_id.end()
    assert request_id.headers() == {}
    assert "request" not in structlog.contextvars.get_contextvars()


@pytest.mark.parametrize("headers", [None, {}, {"imagesearch_request": 7}, {"imagesearch_request": "a\nb"}])
def test_a_message_without_a_sane_id_adds_nothing_to_lines(headers: dict[str, object] | None) -> None:
    with request_id.handling(headers):
        assert "request" not in structlog.contextvars.get_contextvars()


def test_lines_carry_the_id_of_a_message_only_while_it_is_handled() -> None:
    with request_id.handling({"imagesearch_request": "one"}):
        assert structlog.contextvars.get_contextvars()["request"] == "one"
        assert request_id.headers() == {}
    assert "request" not in structlog.contextvars.get_contextvars()
