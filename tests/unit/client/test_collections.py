"""Names, indexes, duplicates and comparisons: what the client asks, what the command prints."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from imagesearch_client import (
    Alias,
    ApiError,
    Comparison,
    DuplicateGroup,
    ProtocolError,
    Query,
    Unavailable,
    png_of,
)
from support.fake_api import FakeApi, Run, job, ok, problem, script_failures

CATS = "/api/v2/collections/cats"
GROUP: dict[str, Any] = {
    "id": 3,
    "kind": "near",
    "images": [
        {"id": 3, "path": "/photos/a.jpg", "url": "u", "distance": 0.02, "sha256": "ab", "bytes": 5},
        {"id": 9, "path": "/photos/b\n.jpg", "url": "u", "distance": 0.02, "sha256": "cd", "bytes": 6},
    ],
}


def test_a_collection_is_renamed_once(api: FakeApi) -> None:
    api.on("PATCH", CATS, problem(503, "away"))
    with pytest.raises(Unavailable):
        api.client().rename_collection("cats", "lions")
    assert (api.asked, api.sent_json()) == ([f"PATCH {CATS}"], {"name": "lions"})


def test_an_alias_is_put_until_the_api_answers(api: FakeApi) -> None:
    api.on("PUT", "/api/v2/aliases/a%2Fb", problem(503, "away"), ok({"alias": "a/b", "collection": "cats"}))
    assert api.client().put_alias("a/b", "cats") == Alias("a/b", "cats")
    assert (len(api.asked), api.sent_json()) == (2, {"collection": "cats"})


def test_aliases_are_read_to_the_last_page(api: FakeApi) -> None:
    pages = [
        ok({"items": [{"alias": "a", "collection": "cats"}], "next": "a"}),
        ok({"items": [{"alias": "b", "collection": "dogs"}], "next": None}),
    ]
    api.on("GET", "/api/v2/aliases", *pages)
    assert list(api.client().aliases()) == [Alias("a", "cats"), Alias("b", "dogs")]
    assert api.asked[1].endswith("limit=200&cursor=a")


def test_a_reindex_names_only_what_changes(api: FakeApi) -> None:
    api.on("POST", f"{CATS}/reindex", ok(job(kind="reindex"), 202))
    assert api.client().reindex("cats", index_type="HNSW").kind == "reindex"
    assert api.sent_json() == {"index_type": "HNSW"}


def test_duplicates_are_read_page_by_page_with_their_threshold(api: FakeApi) -> None:
    api.on("GET", f"{CATS}/duplicates", ok({"items": [GROUP], "next": "3"}), ok({"items": [], "next": None}))
    (group,) = api.client().duplicates("cats", max_distance=1e-5, partition="x")
    assert (group.kind, [image.id for image in group.images]) == ("near", [3, 9])
    assert group == DuplicateGroup.parse(GROUP)
    assert all("max_distance=1e-05&partition=x&limit=200" in asked for asked in api.asked)


def test_two_files_are_compared_in_one_form(api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"first picture")
    api.on("POST", "/api/v2/compare", ok({"distance": 0.5, "same_content": False}))
    found = api.client().compare(tmp_path / "a.jpg", b"second picture", collection="cats")
    assert found == Comparison(0.5, None, same_content=False)
    sent = api.requests[0].content
    assert all(part in sent for part in (b'name="a"', b"first picture", b'name="b"', b"second picture", b"cats"))


def test_indexed_pictures_are_compared_by_id(api: FakeApi) -> None:
    api.on("POST", "/api/v2/compare", ok({"distance": 0.0, "same_content": True}))
    assert api.client().compare(4, 9).same_content
    assert api.sent_json() == {"a": {"image_id": 4}, "b": {"image_id": 9}}
    api.client().compare(4, b"picture")
    assert b'name="a"\r\n\r\n4' in api.requests[1].content


def test_the_command_renames_and_aliases(api: FakeApi, run: Run) -> None:
    api.on("PATCH", CATS, ok({"name": "lions", "images": 1}))
    api.on("PUT", "/api/v2/aliases/pets", ok({"alias": "pets", "collection": "lions"}))
    api.on("GET", "/api/v2/aliases", ok({"items": [{"alias": "pets", "collection": "lions"}], "next": None}))
    api.on("DELETE", "/api/v2/aliases/pets", ok(None))
    assert run("collections", "rename", "cats", "lions").stdout == "Collection cats is now lions.\n"
    assert run("collections", "alias", "pets", "lions").stdout == "pets stands for lions.\n"
    assert run("collections", "aliases").stdout.splitlines() == ["alias\tcollection", "pets\tlions"]
    assert run("collections", "unalias", "pets").stdout == "Alias pets is removed.\n"


def test_a_reindex_is_followed_and_exits_as_it_ends(api: FakeApi, run: Run) -> None:
    api.on("POST", f"{CATS}/reindex", ok(job(kind="reindex"), 202))
    api.on("GET", "/api/v2/jobs/17", ok(job("completed_with_failures", ended=True, indexed=479, failed=1)))
    script_failures(api, ("/photos/x.jpg", "vanished", "gone"))
    result = run(
        *("reindex", "cats", "--index-type", "HNSW", "--index-param", "M=16"),
        *("--network", "resnet50", "--preprocessing", "resize=bilinear"),
    )
    assert result.exit_code == 2
    assert "479 of 480 indexed" in result.stdout
    assert json.loads(api.requests[0].content) == {
        "index_type": "HNSW",
        "index_params": {"M": 16},
        "network": "resnet50",
        "preprocessing": {"resize": "bilinear"},
    }


def test_a_reindex_that_nobody_waits_for_says_how_to_follow_it(api: FakeApi, run: Run) -> None:
    api.on("POST", f"{CATS}/reindex", ok(job("planning"), 202))
    result = run("reindex", "cats", "--no-wait")
    assert (result.exit_code, len(api.asked)) == (0, 1)
    assert "imagesearch jobs 17 --wait" in result.stdout


def test_duplicates_are_printed_a_picture_a_line(api: FakeApi, run: Run) -> None:
    api.on("GET", f"{CATS}/duplicates", ok({"items": [GROUP], "next": None}))
    assert run("duplicates", "--collection", "cats").stdout.splitlines() == [
        "group\tkind\tdistance\tid\tpath",
        "3\tnear\t0.020000\t3\t/photos/a.jpg",
        "3\tnear\t0.020000\t9\t/photos/b\\n.jpg",
    ]


@pytest.mark.parametrize(("untrained", "is_warned"), [(True, True), (False, False), (None, False)])
def test_groups_of_an_untrained_network_come_with_a_warning(
    api: FakeApi, run: Run, *, untrained: bool | None, is_warned: bool
) -> None:
    api.on("GET", f"{CATS}/duplicates", ok({"items": [GROUP], "next": None, "untrained": untrained}))
    result = run("duplicates", "--collection", "cats", "--json")
    assert ("untrained" in result.stderr) is is_warned
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == [3]


def test_duplicates_of_a_large_collection_are_found_by_a_job(api: FakeApi, run: Run) -> None:
    api.on("GET", f"{CATS}/duplicates", problem(409, "too many"))
    api.on("POST", f"{CATS}/duplicates", ok(job(kind="duplicates"), 202))
    api.on("GET", "/api/v2/jobs/17", ok(job("succeeded", ended=True, unchanged=480, indexed=0)))
    found = {"items": [GROUP], "next": None, "untrained": True}
    api.on("GET", "/api/v2/jobs/17/duplicates", ok(found))
    result = run("duplicates", "--collection", "cats", "--max-distance", "0.1", "--json")
    assert result.exit_code == 0
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == [3]
    assert json.loads(api.requests[1].content) == {"max_distance": 0.1}
    assert "untrained" in result.stderr


def test_a_search_for_duplicates_that_failed_prints_no_groups(api: FakeApi, run: Run) -> None:
    api.on("GET", f"{CATS}/duplicates", problem(409, "too many"))
    api.on("POST", f"{CATS}/duplicates", ok(job(kind="duplicates"), 202))
    api.on("GET", "/api/v2/jobs/17", ok(job("failed", ended=True, error="another pipeline")))
    result = run("duplicates", "--collection", "cats")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "another pipeline" in result.stderr


def test_other_refusals_of_duplicates_are_errors(api: FakeApi, run: Run) -> None:
    api.on("GET", f"{CATS}/duplicates", problem(404, "There is no collection 'cats'."))
    result = run("duplicates", "--collection", "cats")
    assert result.exit_code == 1
    assert "There is no collection" in result.stderr
    with pytest.raises(ApiError):
        list(api.client().duplicates("cats"))


def test_a_comparison_is_one_number(api: FakeApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    api.on("POST", "/api/v2/compare", ok({"distance": 0.25, "same_content": False}))
    assert run("compare", str(tmp_path / "a.jpg"), "12").stdout == "0.250000\n"
    assert b'name="b"\r\n\r\n12' in api.requests[0].content
    api.on("POST", "/api/v2/compare", ok({"distance": 0.0, "same_content": True}))
    run("compare", "3", "4")
    assert run("compare", "3", "4").stdout == "0.000000 (the same bytes)\n"
    api.on("POST", "/api/v2/compare", ok({"distance": 0.07, "band": "near", "same_content": False}))
    run("compare", "3", "4")
    assert run("compare", "3", "4").stdout == "0.070000 (near)\n"


PNG = b"\x89PNG of both"
SIDE = {"cells": [[0.25, 0.5]], "common": 0.1, "frame": [0, 0, 1, 1], "overlay": "data:image/png;base64,AAAA"}
REGIONS = {"similarity": 0.85, "mean_of": 480, "a": SIDE, "b": SIDE}


def explained(picture: bytes) -> dict[str, Any]:
    regions = {**REGIONS, "picture": f"data:image/png;base64,{b64encode(picture).decode()}"}
    return {"distance": 0.15, "band": "near", "same_content": False, "regions": regions}


def test_the_command_saves_where_a_similarity_comes_from(api: FakeApi, run: Run, tmp_path: Path) -> None:
    api.on("POST", "/api/v2/compare", *[ok(explained(PNG))] * 2)
    file = tmp_path / "why.png"
    assert run("compare", "3", "4", "--explain", str(file)).stdout == "0.150000 (near)\n"
    assert api.sent_json() == {"a": {"image_id": 3}, "b": {"image_id": 4}, "explain": "picture"}
    assert file.read_bytes() == PNG
    answer = json.loads(run("compare", "3", "4", "--explain", str(file), "--json").stdout)
    assert answer["regions"]["a"] == {"cells": [[0.25, 0.5]], "common": 0.1, "frame": [0, 0, 1, 1]}
    assert "picture" not in answer["regions"]


def test_an_explanation_that_did_not_come_or_cannot_be_written_is_an_error(
    api: FakeApi, run: Run, tmp_path: Path
) -> None:
    api.on("POST", "/api/v2/compare", ok({"distance": 0.5, "same_content": False}), ok(explained(PNG)))
    older = run("compare", "3", "4", "--explain", str(tmp_path / "why.png"))
    assert (older.exit_code, "may be an older one" in older.stderr) == (1, True)
    assert not (tmp_path / "why.png").exists()
    lost = run("compare", "3", "4", "--explain", str(tmp_path / "missing" / "why.png"))
    assert lost.exit_code == 1
    assert "why.png" in lost.stderr


@pytest.mark.parametrize(
    "url", ["data:image/jpeg;base64,AAAA", "data:image/png;base64,A?", "https://x.test/a.png"]
)
def test_what_is_no_png_is_told(url: str) -> None:
    with pytest.raises(ProtocolError):
        png_of(url)


def test_one_result_is_explained(api: FakeApi) -> None:
    row = {"id": 4, "path": "/a.jpg", "url": "u", "distance": 0.15, "regions": REGIONS}
    api.on("POST", f"{CATS}/search", ok({"results": [row], "took_ms": {}}))
    (found,) = api.client().search("cats", Query(image_id=1), 1, explain="regions").results
    assert api.sent_json() == {"image_id": 1, "top_k": 1, "explain": "regions"}
    assert found.regions is not None
    assert found.regions.b.cells == ((0.25, 0.5),)


def test_the_command_saves_why_a_result_was_found(api: FakeApi, run: Run, tmp_path: Path) -> None:
    regions = explained(PNG)["regions"]
    row = {"id": 4, "path": "/a.jpg", "url": "u", "distance": 0.15, "regions": regions}
    api.on(
        "POST", f"{CATS}/search", *[ok({"results": [row], "took_ms": {}})] * 2, ok({"results": [], "took_ms": {}})
    )
    file = tmp_path / "why.png"
    by_id = ("search", "--collection", "cats", "--image-id", "1", "--explain", str(file))
    assert "0.150000" in run(*by_id).stdout
    assert api.sent_json() == {"image_id": 1, "top_k": 1, "explain": "picture"}
    assert file.read_bytes() == PNG
    (found,) = json.loads(run(*by_id, "--page", "2", "--page-size", "1", "--json").stdout)["results"]
    assert api.sent_json() == {"image_id": 1, "page": 2, "page_size": 1, "explain": "picture"}
    assert found["regions"]["b"] == {"cells": [[0.25, 0.5]], "common": 0.1, "frame": [0, 0, 1, 1]}
    file.unlink()
    assert run(*by_id, "--max-distance", "0").exit_code == 0
    assert not file.exists()


@pytest.mark.parametrize(
    "more", [("--top-k", "2"), ("--page-size", "5"), ("--page", "2")], ids=lambda more: more[0]
)
def test_several_results_are_not_explained(api: FakeApi, run: Run, tmp_path: Path, more: tuple[str, str]) -> None:
    result = run("search", "--image-id", "1", "--explain", str(tmp_path / "why.png"), *more)
    assert (result.exit_code, api.asked) == (64, [])
    assert "--explain is for one result" in result.stderr


def test_what_is_neither_a_file_nor_an_id_is_a_usage_error(api: FakeApi, run: Run) -> None:
    result = run("compare", "missing.jpg", "4")
    assert (result.exit_code, api.asked) == (64, [])
    assert "neither a file nor an id" in result.stderr


def test_vectors_are_rebuilt_collection_by_collection(api: FakeApi, run: Run) -> None:
    for name, number in (("cats", "17"), ("dogs", "18")):
        api.on("POST", f"/api/v2/collections/{name}/reindex", ok(job("planning", id=number, kind="reindex"), 202))
        api.on("GET", f"/api/v2/jobs/{number}", ok(job("succeeded", id=number, kind="reindex", ended=True)))
    result = run("admin", "rebuild-vectors", "cats", "dogs")
    assert result.exit_code == 0
    assert [request.method for request in api.requests].count("POST") == 2
    assert api.sent_json(0) == {"extract": True}
    assert [line for line in result.stdout.splitlines() if line.endswith(":")] == ["cats:", "dogs:"]


@pytest.mark.parametrize(
    ("ends", "code"), [(("failed", "succeeded"), 1), (("completed_with_failures", "succeeded"), 2)]
)
def test_rebuilding_goes_on_behind_a_collection_that_fails(
    api: FakeApi, run: Run, ends: tuple[str, str], code: int
) -> None:
    sizes = {"images": 3, "vectors": 3, "model": "m", "fingerprint": "f"}
    collections = [{"name": name, **sizes} for name in ("cats", "dogs")]
    api.on("GET", "/api/v2/collections", ok({"items": collections, "next": None}))
    for name, number, state in zip(("cats", "dogs"), ("17", "18"), ends, strict=True):
        api.on("POST", f"/api/v2/collections/{name}/reindex", ok(job("planning", id=number, kind="reindex"), 202))
        api.on("GET", f"/api/v2/jobs/{number}", ok(job(state, id=number, kind="reindex", ended=True)))
    result = run("admin", "rebuild-vectors")
    assert result.exit_code == code
    assert [request.method for request in api.requests].count("POST") == 2
