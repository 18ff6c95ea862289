"""Jobs over manifests: each line its picture, partition and metadata; read in slices, gone on after a crash."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from imagesearch.catalog import collections, images, jobs
from imagesearch.catalog.jobs import ledger
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import JobState, PlanJob
from imagesearch_indexer.tasks import plan_job
from support.world import BAD, World

pytestmark = pytest.mark.integration


def manifest(world: World, *lines: dict[str, Any] | str, name: str = "list.jsonl") -> Path:
    path = world.root / name
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def submit(world: World, path: Path, **options: Any) -> str:
    job = jobs.NewJob(id=str(uuid4()), origin=JobOrigin.V2, directory=None, manifest=str(path), **options)
    with world.catalog.transaction() as tx:
        made, _ = collections.create(tx, "default")
        jobs.create(tx, made.id, job)
    return job.id


def run(world: World, path: Path, **options: Any) -> jobs.Job:
    job_id = submit(world, path, **options)
    world.plan(job_id)
    world.work()
    return world.job(job_id)


def labels(world: World) -> dict[str, tuple[str, dict[str, Any]]]:
    with world.catalog.transaction() as tx:
        found = images.indexed_by_ids(tx, range(1, 100))
    return {Path(row.path).name: (row.partition, row.metadata) for row in found.values()}


def test_each_line_gives_its_picture_a_partition_and_metadata(world: World) -> None:
    world.write("a.png", "b.png", "c.png", "sub/d.png")
    path = manifest(
        world,
        {"path": "a.png", "partition": "anna", "metadata": {"year": 1999}},
        {"path": "b.png", "metadata": {}},
        {"path": str(world.root / "c.png"), "partition": ""},
        {"path": "./sub/../sub/d.png"},
    )
    job = run(world, path, partition="all", metadata={"from": "job"})
    assert (job.state, job.total, job.indexed) == (JobState.SUCCEEDED, 4, 4)
    assert labels(world) == {
        "a.png": ("anna", {"year": 1999}),
        "b.png": ("all", {}),
        "c.png": ("", {"from": "job"}),
        "d.png": ("all", {"from": "job"}),
    }
    world.check()


def test_a_second_run_changes_only_what_its_lines_change(world: World) -> None:
    world.write("a.png", "b.png")
    lines = [{"path": "a.png", "metadata": {"year": 1999}}, {"path": "b.png", "metadata": {"year": 2000}}]
    run(world, manifest(world, *lines))
    job = run(world, manifest(world, *lines))
    assert (job.indexed, job.unchanged) == (0, 2)
    lines[1]["metadata"] = {"year": 2001}
    job = run(world, manifest(world, *lines))
    assert (job.indexed, job.unchanged) == (1, 1)
    assert labels(world)["b.png"] == ("", {"year": 2001})


def test_bad_lines_are_failures_with_their_number_and_nothing_else_suffers(world: World) -> None:
    world.write("a.png")
    world.write("bad.png", content=BAD)
    path = manifest(
        world, {"path": "a.png"}, "no json", {"path": "gone.png"}, {"path": "bad.png"}, {"path": "/etc/passwd"}
    )
    job = run(world, path)
    assert (job.state, job.total, job.indexed, job.failed) == (JobState.COMPLETED_WITH_FAILURES, 5, 1, 4)
    with world.catalog.transaction() as tx:
        failed = {
            Path(failure.path).name: (failure.code, failure.reason)
            for failure in ledger.failures(tx, job.id, after=0, limit=9)
        }
    assert failed["list.jsonl:2"] == ("invalid_line", "line 2: not JSON")
    assert {name: code for name, (code, _) in failed.items()} == {
        "list.jsonl:2": "invalid_line",
        "gone.png": "vanished",
        "bad.png": "unreadable",
        "passwd": "forbidden",
    }


def test_what_failed_keeps_its_labels_for_a_retry(world: World) -> None:
    world.write("a.png", content=BAD)
    job = run(world, manifest(world, {"path": "a.png", "partition": "anna"}, "no json"))
    assert job.failed == 2
    world.write("a.png")
    with world.catalog.transaction() as tx:
        assert jobs.reopen(tx, job.id).failed == 1
    world.plan(job.id)
    world.work()
    assert labels(world) == {"a.png": ("anna", {})}
    assert (world.job(job.id).indexed, world.job(job.id).failed) == (1, 1)


def test_a_planner_that_dies_is_followed_by_one_that_reads_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{index:03}.png" for index in range(35)]
    world.write(*names)
    path = manifest(world, *({"path": name, "metadata": {"place": name}} for name in names))
    job_id = submit(world, path)

    def die(_: object) -> None:
        raise ZeroDivisionError

    reached = []
    for _ in range(2):
        with monkeypatch.context() as patched:
            # It dies behind the commit of its first slice.
            patched.setattr(world.progress, "publish", die)
            with pytest.raises(ZeroDivisionError):
                plan_job(world.indexer, PlanJob(job_id))
        reached.append((world.job(job_id).total, world.job(job_id).planned_up_to))
    assert [total for total, _ in reached] == [10, 20]
    world.plan(job_id)
    world.work()
    job = world.job(job_id)
    assert (job.state, job.total, job.indexed) == (JobState.SUCCEEDED, 35, 35)
    assert {name: metadata["place"] for name, (_, metadata) in labels(world).items()} == {
        name: name for name in names
    }


def test_a_manifest_that_changes_while_it_is_read_fails_the_job_and_says_so(world: World) -> None:
    names = [f"{index:03}.png" for index in range(15)]
    world.write(*names)
    path = manifest(world, *({"path": name} for name in names))
    job_id = submit(world, path)
    with world.catalog.transaction() as tx:
        jobs.reached(tx, job_id, "20 1 5 5")
    world.plan(job_id)
    world.work()
    job = world.job(job_id)
    assert job.state == JobState.FAILED
    assert "changed" in (job.error or "")


def test_a_path_listed_twice_is_one_picture(world: World) -> None:
    world.write("a.png")
    path = manifest(world, {"path": "a.png", "partition": "first"}, {"path": "./a.png", "partition": "second"})
    job = run(world, path)
    assert (job.total, job.indexed) == (1, 1)
    assert labels(world) == {"a.png": ("first", {})}


@pytest.mark.parametrize("seconds", [2**36, -(2**36)])
def test_a_file_of_a_far_year_is_indexed_once_and_again_when_it_changes(world: World, seconds: int) -> None:
    (file,) = world.write("far.jpg")
    os.utime(file, (seconds, seconds))
    assert world.run(world.root).indexed == 1
    assert world.run(world.root).unchanged == 1
    assert world.run([file]).unchanged == 1
    inferences = world.inferences
    file.write_bytes(b"of another length")
    os.utime(file, (seconds, seconds))
    assert world.run(world.root).indexed == 1
    assert world.inferences == inferences + 1
    world.check()
