"""What happens to a folder becomes jobs and deletions, whatever the API and the disk do meanwhile."""

from __future__ import annotations

import json
import os
from collections import deque
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagesearch_client import ApiError, Patience
from imagesearch_client.answers import Deletion
from imagesearch_client.folder_watch import FolderGone, Followed, Follower
from imagesearch_client.folder_watch import changes as changing
from imagesearch_client.jobs import Job
from support.fake_api import FakeApi, job, ok, problem

SEEN = "/mnt/photos"
DELETE = "/api/v2/collections/cats/images/delete"


class Following:
    """A folder that is followed, and an API that takes jobs, each of which ends when it is looked at."""

    def __init__(self, api: FakeApi, root: Path) -> None:
        self.api, self.root = api, root
        self.told: list[Job | Deletion | str] = []
        self.states: deque[str] = deque()
        api.on("POST", "/api/v2/jobs", ok(job("planning"), 202))
        api.on("GET", "/api/v2/jobs/17", self._look)
        api.on("POST", DELETE, self._delete)
        followed = Followed(str(root), SEEN, "cats", "anna", {"year": 2020}, ("taken",))
        client = api.client(patience=Patience(seconds=0))
        self.follower = Follower(client, followed, api.clock, self.told.append, whole_seconds=3600)

    def happens(self, *events: tuple[str, str]) -> None:
        """Tell of events, and let everything settle."""
        self.follower.note((kind, str(self.root / name)) for kind, name in events)
        self.settle()

    def settle(self) -> None:
        for _ in range(6):
            self.api.clock.sleep(changing.QUIET_SECONDS)
            self.follower.step()

    def write(self, *names: str) -> list[str]:
        for name in names:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(b"picture")
        return [f"{SEEN}/{name}" for name in names]

    @property
    def submitted(self) -> list[dict[str, Any]]:
        posted = [request for request in self.api.requests if request.url.path == "/api/v2/jobs"]
        return [json.loads(request.content) for request in posted]

    @property
    def sources(self) -> list[Any]:
        """What jobs were submitted over, behind the first."""
        return [(body["source"], body.get("prune", False)) for body in self.submitted[1:]]

    @property
    def deleted(self) -> list[list[str]]:
        posted = [request for request in self.api.requests if request.url.path == DELETE]
        return [json.loads(request.content)["paths"] for request in posted]

    def _look(self, _: httpx.Request) -> httpx.Response:
        state = self.states.popleft() if self.states else "succeeded"
        return ok(
            job(state, ended=state not in ("planning", "running"), error="why" if state == "failed" else None)
        )

    def _delete(self, request: httpx.Request) -> httpx.Response:
        return ok({"deleted": len(json.loads(request.content)["paths"]), "missing": []})


@pytest.fixture
def following(api: FakeApi, tmp_path: Path) -> Following:
    (tmp_path / "root" / "old").mkdir(parents=True)
    (tmp_path / "root" / "old" / "a.jpg").write_bytes(b"picture")
    return Following(api, tmp_path / "root")


def test_it_begins_with_everything_and_removes_what_went_meanwhile(following: Following) -> None:
    following.settle()
    assert following.submitted == [
        {
            "source": SEEN,
            "collection": "cats",
            "recursive": True,
            "partition": "anna",
            "metadata": {"year": 2020},
            "prune": True,
            "facts": ["taken"],
        }
    ]
    assert [type(each).__name__ for each in following.told] == ["JobHandle"]


def test_files_that_come_and_change_are_one_job_when_they_are_left_alone(following: Following) -> None:
    following.settle()
    seen = following.write("new.jpg", "old/b.jpg")
    following.follower.note([("added", f"{following.root}/new.jpg"), ("modified", f"{following.root}/old/b.jpg")])
    following.follower.step()
    following.api.clock.sleep(1)
    following.follower.note([("modified", f"{following.root}/new.jpg")])
    following.api.clock.sleep(1)
    following.follower.step()
    assert following.sources == [({"paths": [seen[1]]}, False)], "somebody still writes to the first"
    following.settle()
    assert following.sources[1:] == [({"paths": [seen[0]]}, False)]
    assert following.deleted == []


def test_files_that_go_are_deleted_at_once_even_while_a_job_runs(following: Following) -> None:
    following.states.extend(["running"] * 50)
    following.settle()
    (following.root / "old" / "a.jpg").unlink()
    following.follower.note([("deleted", f"{following.root}/old/a.jpg")])
    assert following.deleted == [], "the first job sees that by itself, once it looks"
    following.follower.step()
    assert following.deleted == [[f"{SEEN}/old/a.jpg"]]
    assert following.told == [Deletion(1, ())]


def test_a_file_that_moved_is_found_where_it_is(following: Following) -> None:
    following.settle()
    (following.root / "old" / "a.jpg").rename(following.root / "b.jpg")
    following.happens(("deleted", "old/a.jpg"), ("added", "b.jpg"))
    assert following.deleted == [[f"{SEEN}/old/a.jpg"]]
    assert following.sources == [({"paths": [f"{SEEN}/b.jpg"]}, False)]


def test_a_folder_that_moved_is_walked_there_and_cleared_away_here(following: Following) -> None:
    following.settle()
    (following.root / "old").rename(following.root / "new")
    following.happens(("deleted", "old"), ("added", "new"))
    assert following.sources == [(f"{SEEN}/new", False), (SEEN, True)]
    assert following.deleted == []


def test_a_folder_that_is_made_again_is_walked_and_one_that_is_touched_is_not(following: Following) -> None:
    following.settle()
    following.happens(("modified", "old"))
    assert following.sources == []
    following.happens(("added", "old"))
    assert following.sources == [(f"{SEEN}/old", False)]


def test_what_is_gone_and_back_again_is_not_deleted(following: Following) -> None:
    following.settle()
    following.happens(("deleted", "old/a.jpg"), ("added", "old/a.jpg"))
    assert following.deleted == []
    assert following.sources == [({"paths": [f"{SEEN}/old/a.jpg"]}, False)]


def test_hidden_files_names_that_are_no_text_and_links_to_folders_are_left_out(following: Following) -> None:
    following.settle()
    following.write(".hidden.jpg", ".git/a.jpg", "Thumbs.db")
    bad = os.fsdecode(b"\xff.jpg")
    (following.root / bad).write_bytes(b"x")
    (following.root / "link").symlink_to(following.root / "old")
    following.happens(
        *(("added", name) for name in (".hidden.jpg", ".git", ".git/a.jpg", "Thumbs.db", bad, "link"))
    )
    assert (following.sources, following.deleted) == ([], [])


def test_while_the_api_is_away_nothing_is_lost_and_it_is_not_asked_all_the_time(following: Following) -> None:
    following.settle()
    seen = following.write("new.jpg")
    away = httpx.ConnectError("Connection refused")
    following.api._script["POST", "/api/v2/jobs"] = [away, away, ok(job("planning"), 202)]
    before = len(following.submitted)
    following.happens(("added", "new.jpg"))
    keys = {
        request.headers["Idempotency-Key"]
        for request in following.api.requests
        if request.url.path == "/api/v2/jobs" and b"new.jpg" in request.content
    }
    assert len(following.submitted) == before + 3
    assert len(keys) == 1, "a job whose answer was lost is the same job"
    assert following.sources[-1] == ({"paths": seen}, False)
    assert [each for each in following.told if isinstance(each, str)] == [
        "cannot reach http://api.test: Connection refused; trying again"
    ]


def test_deletions_wait_for_the_api_as_well(following: Following) -> None:
    following.settle()
    (following.root / "old" / "a.jpg").unlink()
    following.api._script[("POST", DELETE)].insert(0, problem(503, "postgres", retry_after="30"))
    following.follower.note([("deleted", f"{following.root}/old/a.jpg")])
    following.follower.step()
    following.api.clock.sleep(29)
    following.follower.step()
    assert len(following.deleted) == 1
    following.api.clock.sleep(1)
    following.follower.step()
    assert following.deleted == [[f"{SEEN}/old/a.jpg"]] * 2


@pytest.mark.parametrize("what", ["failed", "gone"])
def test_after_a_job_that_is_lost_everything_is_looked_at_but_not_at_once(following: Following, what: str) -> None:
    following.settle()
    following.write("new.jpg")
    if what == "failed":
        following.states.append("failed")
    else:
        following.api._script["GET", "/api/v2/jobs/17"].insert(0, problem(404, "There is no job"))
    following.follower.note([("added", f"{following.root}/new.jpg")])
    following.api.clock.sleep(changing.QUIET_SECONDS)
    following.follower.step()
    following.follower.step()
    following.api.clock.sleep(9)
    following.follower.step()
    assert len(following.sources) == 1
    following.api.clock.sleep(1)
    following.follower.step()
    assert following.sources[1:] == [(SEEN, True)]


def test_too_many_changes_are_looked_at_as_a_whole(following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "MAX_PENDING", 10)
    following.settle()
    following.happens(*(("deleted", f"gone-{number}.jpg") for number in range(11)))
    assert (following.sources, following.deleted) == ([(SEEN, True)], [])


def test_everything_is_looked_at_from_time_to_time(following: Following) -> None:
    following.settle()
    following.api.clock.sleep(3600)
    following.settle()
    assert following.sources == [(SEEN, True)]


@pytest.mark.parametrize("how", ["gone", "another"])
def test_a_disk_that_is_not_there_any_more_deletes_nothing(following: Following, how: str) -> None:
    following.settle()
    following.root.rename(following.root.parent / "elsewhere")
    if how == "another":
        following.root.mkdir()
    following.follower.note([("deleted", f"{following.root}/old/a.jpg")])
    with pytest.raises(FolderGone):
        following.follower.step()
    assert following.deleted == []


def test_no_job_begins_in_a_folder_that_is_another_one(following: Following) -> None:
    following.settle()
    following.root.rename(following.root.parent / "elsewhere")
    following.write("new.jpg")
    with pytest.raises(FolderGone):
        following.happens(("added", "new.jpg"))
    assert following.sources == []


def test_a_file_in_the_place_of_a_folder_that_is_gone_is_a_file(following: Following) -> None:
    following.settle()
    (following.root / "old").rename(following.root.parent / "elsewhere")
    following.happens(("deleted", "old"))
    following.write("old")
    following.happens(("added", "old"))
    (following.root / "old").unlink()
    following.happens(("deleted", "old"))
    assert following.sources == [(SEEN, True), ({"paths": [f"{SEEN}/old"]}, False)]
    assert following.deleted == [[f"{SEEN}/old"]]


def test_a_disk_that_goes_while_deletions_are_gathered_deletes_nothing(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    following.settle()
    following.follower.note([("deleted", f"{following.root}/old/b.jpg")])
    there = os.path.lexists

    def going(path: str) -> bool:
        if following.root.exists():
            following.root.rename(following.root.parent / "elsewhere")
        return there(path)

    monkeypatch.setattr(os.path, "lexists", going)
    with pytest.raises(FolderGone):
        following.follower.step()
    assert following.deleted == []


def test_a_folder_that_is_gone_again_before_its_job_is_cleared_away(following: Following) -> None:
    following.settle()
    following.write("new/b.jpg")
    refusal = problem(
        404, "source: not there", code="not_found", errors=[{"field": "source", "rule": "not there"}]
    )
    following.api._script["POST", "/api/v2/jobs"].insert(0, refusal)
    following.happens(("added", "new"))
    assert following.sources == [(f"{SEEN}/new", False), (SEEN, True)]


def test_what_no_time_mends_ends_it(following: Following) -> None:
    following.api._script["POST", "/api/v2/jobs"] = [problem(403, "outside the roots", code="not_allowed")]
    with pytest.raises(ApiError):
        following.follower.step()


def test_a_quota_of_jobs_is_waited_for(following: Following) -> None:
    following.api._script["POST", "/api/v2/jobs"].insert(
        0, problem(403, "two jobs at once", code="quota_exceeded")
    )
    following.settle()
    assert len(following.submitted) == 2
    assert following.told[0] == "two jobs at once; trying again"
