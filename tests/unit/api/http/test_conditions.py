"""What a request makes its answer depend on, as RFC 9110 reads it."""

from __future__ import annotations

import pytest
from flask import Flask, Response

from imagesearch_api.errors import VersionMismatch
from imagesearch_api.http.conditions import read_expected, tagged
from imagesearch_api.http.problems import of_domain


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


@pytest.mark.parametrize(
    ("headers", "there", "absent"),
    [
        ({}, True, True),
        ({"If-Match": '"v1"'}, True, False),
        ({"If-Match": '"v0", "v1"'}, True, False),
        ({"If-Match": '"v0"'}, False, False),
        ({"If-Match": "*"}, True, False),
        # A weak tag does not say that it is the same, and what is no tag says nothing.
        ({"If-Match": 'W/"v1"'}, False, False),
        ({"If-Match": ""}, False, False),
        ({"If-None-Match": "*"}, False, True),
        ({"If-Match": '"v1"', "If-None-Match": "*"}, False, False),
    ],
    ids=str,
)
def test_a_change_is_made_only_to_the_version_that_it_is_meant_for(
    app: Flask, headers: dict[str, str], there: bool, absent: bool
) -> None:
    with app.test_request_context("/", method="PUT", headers=headers):
        expected = read_expected()
    for version, holds in (("v1", there), (None, absent)):
        try:
            expected.check(version)
        except VersionMismatch as error:
            assert not holds
            with app.test_request_context("/"):
                answer = of_domain(error)
            assert (answer.status_code, answer.get_json()["code"]) == (412, "version_mismatch")
        else:
            assert holds


@pytest.mark.parametrize(
    ("method", "header", "status"),
    [
        ("GET", None, 200),
        ("GET", '"v0"', 200),
        ("GET", '"v1"', 304),
        ("GET", 'W/"v1"', 304),
        ("GET", "*", 304),
        ("PUT", '"v1"', 200),
    ],
)
def test_what_a_caller_has_is_not_sent_again(app: Flask, method: str, header: str | None, status: int) -> None:
    headers = {} if header is None else {"If-None-Match": header}
    with app.test_request_context("/", method=method, headers=headers):
        answer = tagged(Response("all of it"), "v1")
    assert (answer.status_code, answer.headers["ETag"]) == (status, '"v1"')
    assert answer.get_data() == (b"" if status == 304 else b"all of it")
