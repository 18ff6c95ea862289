"""The `imagesearch` command apart from indexing: what it asks, what it prints, how it exits."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click
import httpx
import pytest

from imagesearch_client.command import main
from support.fake_api import FakeApi, Run, job, ok, problem, script_failures

JOBS = "/api/v2/jobs"
JOB = "/api/v2/jobs/17"
COLLECTIONS = "/api/v2/collections"
COLLECTION = {"name": "default", "images": 480, "vectors": 480, "model": "vgg16", "fingerprint": "f"}


def test_a_search_prints_distance_and_path(api: FakeApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"cat")
    rows = [
        {"id": 4, "path": "/photos/[bold]cat.jpg", "url": "u", "distance": 0.0000004, "metadata": {}},
        {"id": 9, "path": "/photos/new\nline\x1b[31m.jpg", "url": "u", "distance": 0.25, "metadata": {}},
    ]
    api.on("POST", f"{COLLECTIONS}/cats/search", ok({"results": rows, "took_ms": {"total": 60.1}}))

    result = run("search", str(tmp_path / "cat.jpg"), "--collection", "cats", "--top-k", "2")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "distance\tpath",
        "0.000000\t/photos/[bold]cat.jpg",
        "0.250000\t/photos/new\\nline\\x1b[31m.jpg",
    ]


def test_a_search_as_json_is_the_whole_answer(api: FakeApi, run: Run, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"cat")
    row = {"id": 4, "path": "/photos/cat.jpg", "url": "u", "distance": 0.5, "metadata": {"year": 2020}}
    api.on("POST", f"{COLLECTIONS}/default/search", ok({"results": [row], "took_ms": {"total": 60.1}}))

    result = run("search", str(tmp_path / "cat.jpg"), "--json")

    assert json.loads(result.stdout) == {"results": [row], "took_ms": {"total": 60.1}}


def test_jobs_are_listed_up_to_the_limit(api: FakeApi, run: Run) -> None:
    api.on("GET", JOBS, ok({"items": [job(id=str(n)) for n in range(5)], "next": None}))

    result = run("jobs", "--limit", "2")

    lines = result.stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["id", "0", "1"]
    assert "running: 240 of 480 (50%)" in lines[1]


def test_a_list_of_jobs_is_restricted(api: FakeApi, run: Run) -> None:
    api.on("GET", JOBS, ok({"items": [job()], "next": None}))

    result = run(
        "jobs", "--state", "running", "--state", "paused", "--collection", "cats", "--since", "2025-05-01"
    )

    assert result.exit_code == 0
    sent = api.requests[0].url.params
    assert (sent["state"], sent["collection"]) == ("running,paused", "cats")
    assert datetime.fromisoformat(sent["created_after"]) == datetime(2025, 5, 1).astimezone()
    assert "created_before" not in sent
    assert run("jobs", "17", "--state", "running").exit_code == 64


def test_one_job_is_shown(api: FakeApi, run: Run) -> None:
    api.on("GET", JOB, ok(job()))

    assert "state: running\ntotal: 480\n" in run("jobs", "17").stdout
    assert json.loads(run("jobs", "17", "--json").stdout)["state"] == "running"


def test_waiting_for_a_job_exits_as_indexing_does(api: FakeApi, run: Run) -> None:
    api.on("GET", JOB, ok(job()), ok(job("completed_with_failures", failed=1, ended=True)))
    script_failures(api, ("/photos/a.jpg", "truncated", "it ends early"))

    result = run("jobs", "17", "--wait")

    assert result.exit_code == 2
    assert "All of them" not in result.stderr


def test_failures_are_listed(api: FakeApi, run: Run) -> None:
    script_failures(api, ("/photos/a.jpg", "truncated", "it ends early"))

    assert run("failures", "17").stdout == "code\tpath\treason\ntruncated\t/photos/a.jpg\tit ends early\n"
    assert json.loads(run("failures", "17", "--json").stdout)["code"] == "truncated"


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry"])
def test_a_job_is_controlled(api: FakeApi, run: Run, verb: str) -> None:
    api.on("POST", f"{JOB}/{verb}", ok(job("paused", rate=None, eta_seconds=None)))

    result = run(verb, "17")

    assert (result.exit_code, result.stdout) == (0, "Job 17: paused: 240 of 480 (50%)\n")


def test_a_refusal_is_one_line_on_stderr(api: FakeApi, run: Run) -> None:
    api.on("POST", f"{JOB}/pause", problem(409, "the job\nhas ended: cancelled"))

    result = run("pause", "17")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: the job has ended: cancelled\n"


def test_an_api_that_is_not_there_is_asked_for_a_while_and_said_so_once(api: FakeApi, run: Run) -> None:
    api.on("GET", "/api/v2/info", httpx.ConnectError("Connection refused"))

    result = run("--patience", "5", "info")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "cannot reach http://127.0.0.1:5000: Connection refused; asking again for up to 5 s",
        "Error: cannot reach http://127.0.0.1:5000: Connection refused",
        "Is it running? --server, IMAGESEARCH_URL or a profile say where to ask.",
    ]
    assert len(api.clock.sleeps) > 2


def test_the_url_comes_from_the_environment(api: FakeApi, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGESEARCH_URL", "http://elsewhere:8080")
    api.on("GET", "/api/v2/info", ok({"version": "0.1.0"}))

    run("info")

    assert str(api.requests[0].url) == "http://elsewhere:8080/api/v2/info"


def test_a_wrong_url_is_one_line(run: Run) -> None:
    result = run("--server", "elsewhere", "info")

    assert result.exit_code == 1
    assert result.stderr == "Error: 'elsewhere' is not an http:// or https:// URL\n"


def test_collections_are_listed_and_shown(api: FakeApi, run: Run) -> None:
    api.on("GET", COLLECTIONS, ok({"items": [COLLECTION], "next": None}))
    api.on("GET", f"{COLLECTIONS}/default", ok(COLLECTION))

    assert run("collections").stdout.splitlines()[1].split("\t")[:4] == ["default", "480", "480", "vgg16"]
    assert json.loads(run("collections", "--json").stdout) == COLLECTION
    assert "vectors: 480\n" in run("collections", "show", "default").stdout
    assert run("count").stdout == "480\n"


def test_a_collection_is_created(api: FakeApi, run: Run) -> None:
    api.on("POST", COLLECTIONS, ok({**COLLECTION, "name": "cats"}, 201))

    assert run("collections", "create", "cats").stdout == "Collection cats is created.\n"
    assert api.sent_json() == {"name": "cats"}


def test_a_collection_is_created_with_an_index_a_network_and_preprocessing(api: FakeApi, run: Run) -> None:
    api.on("POST", COLLECTIONS, ok({**COLLECTION, "name": "cats"}, 201))

    run(
        *("collections", "create", "cats", "--index-type", "HNSW", "--index-param", "M=16"),
        *("--network", "resnet50", "--preprocessing", "trim_borders=false", "--preprocessing", "resize=bicubic"),
    )

    assert api.sent_json() == {
        "name": "cats",
        "index_type": "HNSW",
        "index_params": {"M": 16},
        "network": "resnet50",
        "preprocessing": {"trim_borders": False, "resize": "bicubic"},
    }


@pytest.mark.parametrize(("answer", "asked"), [("y\n", 1), ("n\n", 0), ("", 0)])
def test_deleting_a_collection_asks_first(api: FakeApi, run: Run, answer: str, asked: int) -> None:
    api.on("DELETE", f"{COLLECTIONS}/cats", httpx.Response(204))

    result = run("collections", "delete", "cats", input=answer)

    assert len(api.requests) == asked
    assert result.exit_code == 1 - asked


def test_deleting_a_collection_does_not_ask_when_told_so(api: FakeApi, run: Run) -> None:
    api.on("DELETE", f"{COLLECTIONS}/cats", httpx.Response(204))

    assert run("collections", "delete", "cats", "--yes").exit_code == 0


def test_a_picture_is_shown_and_deleted(api: FakeApi, run: Run) -> None:
    path = f"{COLLECTIONS}/default/images/4"
    api.on("GET", path, ok({"id": 4, "path": "/a.jpg", "metadata": {"year": 2020}}))
    api.on("DELETE", path, httpx.Response(204))

    assert 'metadata: {"year": 2020}\n' in run("images", "show", "4").stdout
    assert json.loads(run("images", "show", "4", "--json").stdout)["path"] == "/a.jpg"
    assert run("images", "delete", "4").stdout == "Image 4 is deleted from default.\n"


def test_info_prints_everything_the_system_says(api: FakeApi, run: Run) -> None:
    sent = {"version": "0.1.0", "weights": None, "workers": [{"name": "a"}]}
    api.on("GET", "/api/v2/info", ok(sent))

    assert run("info").stdout == 'version: 0.1.0\nweights:\nworkers: [{"name": "a"}]\n'
    assert json.loads(run("info", "--json").stdout) == sent


@pytest.mark.parametrize(
    ("arguments", "dry", "end"),
    [
        (["admin", "reconcile", "--dry-run"], True, ["Nothing was changed: this was a dry run."]),
        (["admin", "reconcile"], False, []),
    ],
)
def test_reconcile_prints_a_table_of_what_it_found(
    api: FakeApi, run: Run, arguments: list[str], dry: bool, end: list[str]
) -> None:
    lost = {"kind": "batch_lost", "count": 2, "detail": "sent again"}
    none = {"kind": "vector_without_row", "count": 0, "detail": ""}
    api.on("POST", "/api/v2/admin/reconcile", ok({"findings": [lost, none], "dry_run": dry}))

    result = run(*arguments)

    assert result.stdout.splitlines() == ["finding\tcount\tdetail", "batch_lost\t2\tsent again", *end]
    assert api.sent_json() == {"dry_run": dry}


@pytest.mark.parametrize(("healthy", "code"), [(True, 0), (False, 1)])
def test_doctor_prints_a_line_each_and_fails_when_something_is_wrong(
    api: FakeApi, run: Run, healthy: bool, code: int
) -> None:
    line = {"subject": "scheduler", "verdict": "problem", "found": "0 running", "todo": "Run exactly one."}
    api.on("GET", "/api/v2/admin/doctor", ok({"healthy": healthy, "diagnoses": [line]}))
    shown = run("admin", "doctor")
    assert shown.exit_code == code
    assert "problem\tscheduler\t0 running\tRun exactly one." in shown.stdout.splitlines()
    api.on("GET", "/api/v2/admin/doctor", ok({"healthy": healthy, "diagnoses": [line]}))
    assert json.loads(run("admin", "doctor", "--json").stdout)["diagnoses"] == [line]


def test_reconcile_says_when_nothing_was_found(api: FakeApi, run: Run) -> None:
    none = {"kind": "batch_lost", "count": 0, "detail": ""}
    api.on("POST", "/api/v2/admin/reconcile", ok({"findings": [none], "dry_run": False}))

    assert run("admin", "reconcile").stdout == "Nothing to repair.\n"
    assert json.loads(run("admin", "reconcile", "--json").stdout) == {"findings": [none], "dry_run": False}


def _commands(group: click.Group, *above: str) -> list[list[str]]:
    found = [[*above]]
    for name, command in group.commands.items():
        within = _commands(command, *above, name) if isinstance(command, click.Group) else [[*above, name]]
        found.extend(within)
    return found


@pytest.mark.parametrize("command", _commands(main), ids=" ".join)
def test_every_command_explains_itself(api: FakeApi, run: Run, command: list[str]) -> None:
    result = run(*command, "--help")

    assert result.exit_code == 0
    assert "Usage: " in result.stdout
    assert api.requests == []


def test_a_key_comes_from_the_environment(api: FakeApi, run: Run) -> None:
    api.on("GET", JOB, ok(job()))

    assert run("jobs", "17", env={"IMAGESEARCH_API_KEY": "imagesearch_1_x"}).exit_code == 0

    assert api.requests[0].headers["Authorization"] == "Bearer imagesearch_1_x"
