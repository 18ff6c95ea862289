"""What people look codes up in names each code of a problem, once, with a cause and a way out."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path

import pytest
from flask import Flask

from imagesearch.errors import Conflict, ConflictCode, ImageSearchError, PipelineMismatch, StoreUnavailable
from imagesearch_api.errors import KeyTaken, ProblemCode, RefusalCode
from imagesearch_api.http.fields import AtField
from imagesearch_api.http.problems import problem, register

PAGE = Path(__file__).parents[4] / "docs" / "problems.md"
ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \| (.+) \| (.+) \|$", re.MULTILINE)


def test_the_page_lists_exactly_the_codes_there_are_in_their_order() -> None:
    rows = ROW.findall(PAGE.read_text())
    assert [code for code, *_ in rows] == [code.value for code in (*ProblemCode, *ConflictCode, *RefusalCode)]
    assert all(cause.endswith(".") and remedy.endswith(".") for *_, cause, remedy in rows)
    assert {code: int(status) for code, status, *_ in rows if code in set(ConflictCode)} == dict.fromkeys(
        ConflictCode, HTTPStatus.CONFLICT
    )


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Conflict("There is one.", ConflictCode.NAME_TAKEN), 409, "name_taken"),
        (KeyTaken("Image 5 has that key."), 409, "key_taken"),
        (AtField("queries[1]", Conflict("Two have it.", ConflictCode.KEY_AMBIGUOUS)), 409, "key_ambiguous"),
        (PipelineMismatch("Other weights."), 409, "wrong_pipeline"),
        (StoreUnavailable("redis", "away"), 503, "unavailable"),
    ],
)
def test_a_program_tells_problems_apart_by_type_and_code(error: ImageSearchError, status: int, code: str) -> None:
    app = Flask(__name__)
    register(app)

    @app.get("/")
    def view() -> str:
        raise error

    answer = app.test_client().get("/")
    told = answer.get_json()
    assert (answer.status_code, told["code"], told["type"]) == (status, code, f"urn:imagesearch:problem:{code}")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 415, 416, 421, 500, 503, 431])
def test_a_problem_without_a_code_of_its_own_has_that_of_its_status(status: int) -> None:
    told = problem(status, "So it is.").get_json()
    assert told["type"] == f"urn:imagesearch:problem:{told['code']}"
    assert told["code"] in set(ProblemCode)
