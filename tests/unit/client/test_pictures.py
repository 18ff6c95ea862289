"""Single pictures: what the client sends, what the command asks and prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagesearch_client import Deletion, Manifest
from support.fake_api import FakeApi, Run, job, ok, problem

IMAGES = "/api/v2/collections/cats/images"
IMAGE: dict[str, Any] = {"id": 4, "path": "/up/cat.jpg", "partition": "anna", "metadata": {"year": 2020}}
WRITTEN = {**IMAGE, "searchable_at": "2025-05-01T10:00:00+00:00", "job": "17"}


def test_a_picture_is_uploaded_until_the_api_answers(api: FakeApi) -> None:
    api.on("POST", IMAGES, problem(503, "away"), ok(WRITTEN, 201))
    written = api.client().add_image("cats", b"cat", partition="anna", metadata={"year": 2020})
    assert (written.image.id, written.image.partition, written.job) == (4, "anna", "17")
    assert written.searchable_at is not None
    assert len(api.requests) == 2
    sent = api.requests[1].content.decode()
    assert 'name="partition"\r\n\r\nanna\r\n' in sent
    assert 'name="metadata"\r\n\r\n{"year": 2020}\r\n' in sent
    assert "cat" in sent


def test_an_upload_that_is_not_searchable_yet_says_so(api: FakeApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    (tmp_path / "b.jpg").write_bytes(b"b")
    api.on("POST", IMAGES, ok(WRITTEN, 201), ok({**WRITTEN, "id": 5, "searchable_at": None}, 202))
    arguments = ["--collection", "cats", "--metadata", "year=2020"]
    result = run("images", "add", *arguments, str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg"))
    assert result.stdout.splitlines() == [
        f"Image 4 is searchable: {tmp_path / 'a.jpg'}",
        f"Image 5 will be searchable soon: job 17: {tmp_path / 'b.jpg'}",
    ]


def test_pictures_are_listed_by_a_filter_that_facets_have_told_of(api: FakeApi) -> None:
    value = {"value": "bonsai", "images": 3}
    facet = {
        "field": "kind",
        "images": 3,
        "values": [value],
        "values_capped": False,
        "least": None,
        "greatest": None,
    }
    api.on("GET", "/api/v2/collections/cats/facets", ok({"items": [facet], "looked_at": 3, "is_complete": True}))
    api.on("GET", IMAGES, ok({"items": [IMAGE], "next": None}))
    (found,) = api.client().facets("cats", partition="anna").items
    assert [image.id for image in api.client().images("cats", filter={found.field: found.values[0].value})] == [4]
    asked = [dict(request.url.params) for request in api.requests]
    assert asked == [{"partition": "anna"}, {"filter": '{"kind": "bonsai"}', "limit": "200"}]


def test_one_picture_tells_the_job_that_it_came_by(api: FakeApi) -> None:
    api.on("GET", f"{IMAGES}/4", ok({**IMAGE, "job": "17"}), ok(IMAGE))
    assert [api.client().image("cats", 4).job for _ in range(2)] == ["17", None]


def test_pictures_are_listed_to_the_last_page(api: FakeApi, run: Run) -> None:
    pages = [ok({"items": [IMAGE], "next": "4"}), ok({"items": [{**IMAGE, "id": 9}], "next": None})]
    api.on("GET", IMAGES, *pages)
    assert [image.id for image in api.client().images("cats", partition="anna")] == [4, 9]
    assert api.asked[1].endswith("partition=anna&limit=200&cursor=4")
    assert (
        run("images", "list", "--collection", "cats", "--limit", "1").stdout.splitlines()[1].startswith("9\tanna")
    )


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (["--metadata", "year=2021", "--metadata", "old=null"], {"metadata": {"year": 2021, "old": None}}),
        (["--clear"], {"metadata": None}),
        (["--partition", "bert"], {"partition": "bert"}),
    ],
)
def test_a_picture_is_changed(api: FakeApi, run: Run, arguments: list[str], sent: dict[str, Any]) -> None:
    api.on("PATCH", f"{IMAGES}/4", ok(WRITTEN))
    result = run("images", "change", "4", "--collection", "cats", *arguments)
    assert result.exit_code == 0
    assert 'metadata: {"year": 2020}' in result.stdout
    assert api.sent_json() == sent


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (["4", "5"], {"ids": [4, 5]}),
        (["--path", "/a.jpg", "--path", "/b.jpg"], {"paths": ["/a.jpg", "/b.jpg"]}),
        (["--filter", '{"exists": "old"}', "--yes"], {"filter": {"exists": "old"}}),
        (["--partition", "anna", "--yes"], {"partition": "anna"}),
    ],
)
def test_several_pictures_are_deleted(api: FakeApi, run: Run, arguments: list[str], sent: dict[str, Any]) -> None:
    api.on("POST", f"{IMAGES}/delete", ok({"deleted": 1, "missing": [5]}))
    result = run("images", "delete", "--collection", "cats", *arguments)
    assert result.stdout == "1 images are deleted from cats.\n"
    assert result.stderr == "Not there: 5\n"
    assert api.sent_json() == sent
    assert api.client().delete_images("cats", ids=[4, 5]) == Deletion(1, (5,))


def test_a_deletion_that_took_too_long_goes_on_where_it_ended(api: FakeApi) -> None:
    first, second = {"deleted": 3, "missing": [], "next": "70"}, {"deleted": 2, "missing": [], "next": None}
    api.on("POST", f"{IMAGES}/delete", ok(first), ok(second))

    assert api.client().delete_images("cats", partition="anna") == Deletion(5, ())

    assert [json.loads(one.content) for one in api.requests] == [
        {"partition": "anna"},
        {"partition": "anna", "cursor": "70"},
    ]


def test_deleting_by_filter_asks_first(api: FakeApi, run: Run) -> None:
    assert run("images", "delete", "--filter", '{"exists": "old"}', input="n\n").exit_code == 1
    assert api.requests == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["delete"],
        ["delete", "4", "--path", "/a.jpg"],
        ["delete", "--filter", "{"],
        ["change", "4"],
        ["change", "4", "--clear", "--metadata", "a=1"],
        ["thumbnail", "4", "out.jpg", "--size", "63"],
        ["add"],
    ],
)
def test_a_wrong_option_is_not_sent(api: FakeApi, run: Run, arguments: list[str]) -> None:
    assert run("images", *arguments).exit_code == 64
    assert api.requests == []


def test_a_thumbnail_is_written_to_a_file(api: FakeApi, run: Run, tmp_path: Path) -> None:
    api.on("GET", "/api/v2/images/4/thumbnail", httpx.Response(200, content=b"\xff\xd8small"))
    assert run("images", "thumbnail", "4", str(tmp_path / "small.jpg"), "--size", "64").exit_code == 0
    assert (tmp_path / "small.jpg").read_bytes() == b"\xff\xd8small"
    assert api.asked == ["GET /api/v2/images/4/thumbnail?size=64"]
    assert api.requests[0].headers["Accept"] == "image/jpeg"


def test_a_manifest_is_a_source_of_a_job(api: FakeApi, run: Run) -> None:
    api.on("POST", "/api/v2/jobs", ok(job(), 202))
    api.client().submit_job(Manifest("/lists/all.jsonl"))
    assert api.sent_json()["source"] == {"manifest": "/lists/all.jsonl"}
    assert run("index", "--manifest", "/lists/all.csv", "--no-wait").exit_code == 0
    assert json.loads(api.requests[-1].content)["source"] == {"manifest": "/lists/all.csv"}
    assert run("index", "/photos", "--manifest", "/lists/all.csv").exit_code == 64
