"""Messages that come twice, pictures that kill, and users who change their minds."""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image

from imagesearch.failures import FailureCode
from support.drawing import photo_like
from support.faults.harm import double_messages
from support.faults.living import Living, StartStack
from support.faults.rounds import Rounds, seeded
from support.faults.scoreboard import Scoreboard
from support.faults.standin import KILLER
from support.faults.verdict import judge

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

VERBS = ("pause", "resume", "cancel", "retry")


def test_every_message_that_waits_is_delivered_twice(
    start_stack: StartStack, scoreboard: Scoreboard, album: list[Path]
) -> None:
    # The broker, too, puts back at once what it believes to be forgotten.
    stack = start_stack(EMBED_SECONDS="0.05", WINDOW="16", VISIBILITY_TIMEOUT="1")
    doubled = Rounds(stack, scoreboard, album, seeded())
    doubled.run("messages delivered twice", *[partial(double_messages, stack)] * 6)
    assert stack.log("indexer").count("batch.already_done") > 0


def test_a_picture_that_kills_its_workers_fails_alone(
    start_stack: StartStack, scoreboard: Scoreboard, library: Path
) -> None:
    folder = library / "poisoned"
    folder.mkdir()
    good = [folder / f"{index}.png" for index in range(40)]
    for seed, path in enumerate(good):
        photo_like(2_000 + seed, (96, 72)).save(path)
    Image.new("RGB", (96, 72), KILLER).save(folder / "20 killer.png")
    stack = start_stack()
    begun = time.monotonic()
    job_id = stack.submit(str(folder), "poisoned")
    job = stack.wait_ended(job_id)
    seconds = time.monotonic() - begun
    scoreboard.add("a picture that kills", judge(stack, "poisoned", [job_id], good), seconds)
    assert (job["state"], job["indexed"], job["failed"]) == ("completed_with_failures", 40, 1)
    (failure,) = stack.http.get(f"/api/v2/jobs/{job_id}/failures").json()["items"]
    assert (Path(failure["path"]).name, failure["code"]) == ("20 killer.png", FailureCode.CRASHES_WORKER)


def test_users_who_change_their_minds(start_stack: StartStack, scoreboard: Scoreboard, album: list[Path]) -> None:
    stack, pick = start_stack(EMBED_SECONDS="0.02"), seeded()
    for _ in range(6):
        collection = f"c{uuid4().hex[:12]}"
        job_ids = [stack.submit(str(album[0].parent), collection) for _ in range(2)]
        for _ in range(12):
            job_id = pick.choice(job_ids)
            assert stack.control(job_id, pick.choice(VERBS)) in (200, 409)
            stack.wait_done(job_id, 0)
        for job_id in job_ids:
            assert stack.control(job_id, "resume") in (200, 409)
        ended = [stack.wait_ended(job_id) for job_id in job_ids]
        all_done = any(job["state"] == "succeeded" for job in ended)
        verdict = judge(stack, collection, job_ids, album, every=all_done)
        scoreboard.add("cancel, pause, resume, retry", verdict, 0)
        assert {job["state"] for job in ended} <= {"succeeded", "cancelled"}


def test_hard_pictures_among_good_ones(
    start_stack: StartStack, scoreboard: Scoreboard, library: Path, hard_pictures: Path
) -> None:
    folder = library / "hard"
    shutil.copytree(hard_pictures, folder)
    good = [folder / f"good {index}.jpg" for index in range(30)]
    for seed, path in enumerate(good):
        photo_like(3_000 + seed, (96, 72)).save(path)
    stack = start_stack(real=True)
    before = stack.pid("extractor")
    job_id = stack.submit(str(folder), "hard")
    job = stack.wait_ended(job_id)
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert job["total"] == len(files)
    failures = _failures(stack, job_id)
    assert set(failures.values()) <= set(FailureCode)
    assert not {path for path in good if str(path) in failures}
    indexed = [path for path in files if str(path) not in failures]
    scoreboard.add("hard pictures among good ones", judge(stack, "hard", [job_id], indexed), 0)
    assert stack.pid("extractor") == before, "a picture took the extractor down"


def _failures(stack: Living, job_id: str) -> dict[str, str]:
    page = stack.http.get(f"/api/v2/jobs/{job_id}/failures", params={"limit": 1000}).json()
    assert page["next"] is None
    return {item["path"]: item["code"] for item in page["items"]}
