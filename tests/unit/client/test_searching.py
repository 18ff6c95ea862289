"""Searches of every kind: what the client sends, what the command asks and prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagesearch_client import Example, Examples, Query, Shape
from support.fake_api import FakeApi, Run, ok, problem

SEARCH = "/api/v2/collections/cats/search"
ROW: dict[str, Any] = {"id": 4, "path": "/photos/cat.jpg", "url": "u", "distance": 0.5, "metadata": {"year": 2020}}
FOUND = {"results": [ROW], "took_ms": {"total": 9.5}}
BATCH = {"queries": [{"results": [ROW]}, {"results": []}], "took_ms": {"total": 9.5}}
RED = {"eq": ["colour", "red"]}


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (Query(image_id=4), {"image_id": 4}),
        (Query(path="/a.jpg", box="0,0,5,5"), {"path": "/a.jpg", "box": "0,0,5,5"}),
        (Query(vector=[1, 2.5]), {"vector": [1.0, 2.5]}),
        (Query(url="https://example.com/a.jpg", box=(0.0, 0.0, 0.5, 1.0)), {
            "url": "https://example.com/a.jpg", "box": [0.0, 0.0, 0.5, 1.0]
        }),
    ],
)  # fmt: skip
def test_a_query_is_sent_as_json(api: FakeApi, query: Query, sent: dict[str, Any]) -> None:
    api.on("POST", SEARCH, ok(FOUND))
    assert api.client().search("cats", query).results[0].id == 4
    assert api.sent_json() == {**sent, "top_k": 10}


def test_the_shape_of_the_answer_goes_along_with_a_query(api: FakeApi) -> None:
    api.on("POST", SEARCH, ok(FOUND))
    api.client().search("cats", Query(image_id=4), page=3, max_distance=0.2, include=[], partition="", filter=RED)
    assert api.sent_json() == {
        "image_id": 4,
        "page": 3,
        "max_distance": 0.2,
        "include": [],
        "partition": "",
        "filter": RED,
    }


def test_the_shape_of_the_answer_goes_along_with_a_picture(api: FakeApi) -> None:
    api.on("POST", SEARCH, ok(FOUND))
    api.client().search(
        "cats", b"cat", box=(0.1, 0, 0.5, 1), page_size=5, include=["size", "thumbnail"], filter=RED
    )
    sent = api.requests[0].content.decode()
    assert 'name="box"\r\n\r\n0.1,0,0.5,1\r\n' in sent
    assert 'name="page_size"\r\n\r\n5\r\n' in sent
    assert 'name="include"\r\n\r\nsize,thumbnail\r\n' in sent
    assert f'name="filter"\r\n\r\n{json.dumps(RED)}\r\n' in sent
    assert "top_k" not in sent


def test_parts_of_results_that_were_asked_for_are_read(api: FakeApi) -> None:
    row = {**ROW, "width": 640, "height": 480, "bytes": 99, "format": "PNG", "thumbnail_url": "t"}
    api.on("POST", SEARCH, ok({**FOUND, "results": [row]}))
    result = api.client().search("cats", Query(image_id=4)).results[0]
    assert (result.width, result.height, result.size_bytes) == (640, 480, 99)
    assert (result.format, result.thumbnail_url) == ("PNG", "t")


def test_examples_that_are_indexed_are_sent_as_json(api: FakeApi) -> None:
    api.on("POST", SEARCH, ok({**FOUND, "plan": {"index_type": "HNSW"}}))
    examples = Examples([Query(image_id=4), Example(Query(key="a"), 2)], [Query(path="/b.jpg")], 0.5)
    found = api.client().search("cats", examples, top_k=3, explain="plan")
    assert found.plan == {"index_type": "HNSW"}
    assert api.sent_json() == {
        "positive": [{"image_id": 4}, {"key": "a", "weight": 2}],
        "negative": [{"path": "/b.jpg"}],
        "negative_share": 0.5,
        "top_k": 3,
        "explain": "plan",
    }


def test_examples_with_pictures_are_sent_as_a_form(api: FakeApi) -> None:
    api.on("POST", SEARCH, ok(FOUND))
    api.client().search("cats", Examples([b"one cat", Example(b"two cats", 2)], [b"a dog", Query(image_id=4)]))
    sent = api.requests[0].content.decode()
    assert (sent.count('; name="positive"; filename'), sent.count('; name="negative"; filename')) == (2, 1)
    assert 'name="positive_weight"\r\n\r\n1.0\r\n' in sent
    assert 'name="positive_weight"\r\n\r\n2\r\n' in sent
    assert "negative_weight" not in sent
    assert 'name="examples"\r\n\r\n{"negative": [{"image_id": 4}]}\r\n' in sent
    assert 'name="top_k"\r\n\r\n10\r\n' in sent


def test_many_pictures_are_one_request(api: FakeApi) -> None:
    api.on("POST", SEARCH, ok(BATCH))
    answers = api.client().search_many("cats", [b"one cat", b"another"], Shape(top_k=3))
    assert [len(answer.results) for answer in answers] == [1, 0]
    sent = api.requests[0].content
    assert sent.count(b'; name="image"') == 2
    assert b"one cat" in sent
    assert b"another" in sent


def test_many_queries_are_one_request(api: FakeApi) -> None:
    api.on("POST", SEARCH, ok(BATCH))
    assert len(api.client().search_many("cats", [Query(image_id=4), Query(path="/a.jpg")])) == 2
    assert api.sent_json() == {"queries": [{"image_id": 4}, {"path": "/a.jpg"}], "top_k": 10}


def test_a_batch_of_one_picture_has_one_answer(api: FakeApi) -> None:
    api.on("POST", SEARCH, ok(FOUND))
    assert [len(answer.results) for answer in api.client().search_many("cats", [b"cat"])] == [1]


def test_pictures_and_queries_do_not_mix(api: FakeApi) -> None:
    with pytest.raises(TypeError):
        api.client().search_many("cats", [b"cat", Query(image_id=4)])  # type: ignore[list-item]
    assert api.requests == []


def test_the_command_searches_by_what_is_indexed(api: FakeApi, run: Run) -> None:
    api.on("POST", SEARCH, ok(FOUND))
    options = ["--page", "2", "--page-size", "5", "--max-distance", "0.25", "--partition", "anna"]
    result = run("search", "--collection", "cats", "--image-id", "4", *options, "--filter", json.dumps(RED))
    assert result.stdout == "distance\tpath\n0.500000\t/photos/cat.jpg\n"
    assert api.sent_json() == {
        "image_id": 4,
        "page": 2,
        "page_size": 5,
        "max_distance": 0.25,
        "partition": "anna",
        "filter": RED,
    }


def test_the_command_reads_a_vector(api: FakeApi, run: Run) -> None:
    api.on("POST", SEARCH, ok(FOUND))
    assert run("search", "--collection", "cats", "--vector", "-", input="[1, 0.5]").exit_code == 0
    assert api.sent_json()["vector"] == [1.0, 0.5]


def test_the_command_searches_by_several_pictures(api: FakeApi, run: Run, tmp_path: Path) -> None:
    pictures = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    for picture in pictures:
        picture.write_bytes(b"cat")
    api.on("POST", SEARCH, ok(BATCH))
    result = run("search", "--collection", "cats", *map(str, pictures))
    assert result.stdout.splitlines()[1:] == [f"{pictures[0]}\t0.500000\t/photos/cat.jpg"]
    shown = run("search", "--collection", "cats", "--json", *map(str, pictures)).stdout.splitlines()
    assert json.loads(shown[0]) == {"picture": str(pictures[0]), "results": [ROW]}
    assert json.loads(shown[1]) == {"picture": str(pictures[1]), "results": []}


def test_paths_come_from_stdin_and_each_answer_is_a_line(api: FakeApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"cat")
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    refusal = problem(400, "The picture is truncated.", errors=[{"field": "image", "rule": "it ends early"}])

    def answer(request: httpx.Request) -> httpx.Response:
        return refusal if b"broken" in request.content else ok(FOUND)

    api.on("POST", SEARCH, answer)
    paths = "".join(f"{tmp_path}/{name}.jpg\n" for name in ("a", "broken", "none"))
    result = run("search", "-", "--collection", "cats", "--json", input=paths)
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {"picture": f"{tmp_path}/a.jpg", "results": FOUND["results"]}
    assert result.stderr.splitlines() == [
        f"{tmp_path}/none.jpg: No such file or directory",
        f"{tmp_path}/broken.jpg: The picture is truncated.",
    ]


def test_a_refusal_of_the_search_itself_ends_it(api: FakeApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"cat")
    api.on("POST", SEARCH, problem(400, "filter: no", errors=[{"field": "filter", "rule": "no"}]))
    result = run("search", "-", "--collection", "cats", input=f"{tmp_path}/a.jpg\n" * 3)
    assert (result.exit_code, len(api.requests)) == (1, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["{picture}", "--image-id", "4"],
        ["--image-id", "4", "--path", "/a.jpg"],
        ["--image-id", "4", "--top-k", "5", "--page", "2"],
        ["--image-id", "4", "--filter", "red"],
        ["--image-id", "4", "--filter", "[]"],
        ["--image-id", "0"],
        ["--max-distance", "2", "--image-id", "4"],
        ["--vector", "-"],
        ["{picture}", "{picture}", "--box", "0,0,5,5"],
    ],
)
def test_a_wrong_search_is_not_sent(api: FakeApi, run: Run, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"cat")
    given = [argument.format(picture=tmp_path / "cat.jpg") for argument in arguments]
    assert run("search", *given, input="no list").exit_code == 64
    assert api.requests == []
