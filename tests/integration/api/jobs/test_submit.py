"""A request that comes again under its key finds the job that it made, whatever is gone since."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from imagesearch.access.tenants import NOBODY
from imagesearch.catalog import collections
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.jobs import IdempotencyKey, Job
from imagesearch.catalog.states import JobOrigin
from imagesearch.catalog.tables import collections as collection_table
from imagesearch.catalog.tables import job_items
from imagesearch.catalog.tables import jobs as job_table
from imagesearch.contract import TaskName
from imagesearch.errors import Conflict, SourceRejected, StoreUnavailable
from imagesearch.files.roots import Roots
from imagesearch.messaging.progress import InMemoryProgressBoard
from imagesearch.wire import Message
from imagesearch_api.app import create_app
from imagesearch_api.jobs.submit import ManifestSource, Submission, submit
from support.api_twin import services_of

pytestmark = pytest.mark.integration

TIMEOUT = 30
"""Seconds until something that a test waits for counts as stuck."""


class Api:
    """The services that a submission needs, on a real catalogue.

    Attributes:
        at_redis: runs whenever a submission has come as far as asking Redis for the workers.
    """

    def __init__(self, catalog: Catalog, root: Path) -> None:
        self.catalog = catalog
        self.at_redis: Callable[[], None] = lambda: None
        self.sent: list[TaskName] = []
        self.services = services_of(
            catalog=catalog,
            roots=Roots((root,)),
            workers=self,
            progress=InMemoryProgressBoard(),
            send=self._send,
        )

    def alive(self) -> None:
        self.at_redis()

    def _send(self, task: TaskName, _: Message, __: str | None) -> None:
        self.sent.append(task)

    def lose_redis(self) -> None:
        def fail() -> None:
            raise StoreUnavailable("redis", "down in this test")

        self.at_redis = fail

    def meet_at_redis(self, several: int) -> None:
        """Let nobody go on before so many have come."""
        barrier = Barrier(several, timeout=TIMEOUT)

        def wait() -> None:
            barrier.wait()

        self.at_redis = wait

    def delete(self, name: str) -> None:
        with self.catalog.transaction() as tx:
            collections.mark_deleting(tx, collections.get(tx, name))

    def rows(self) -> tuple[int, list[str], int]:
        """Return the number of jobs, the names of active collections, and the number of paths in the ledger."""
        with self.catalog.transaction() as tx:
            names = sa.select(collection_table.c.name).where(collection_table.c.state == "active")
            counted = [
                tx.execute(sa.select(sa.func.count()).select_from(one)).scalar_one()
                for one in (job_table, job_items)
            ]
            return counted[0], sorted(tx.execute(names).scalars()), counted[1]


@pytest.fixture
def api(catalog: Catalog, pictures: Path) -> Api:
    return Api(catalog, pictures)


def asked(source: Any, key: str | None = "monday", scope: str = "POST /api/v2/jobs", **more: Any) -> Submission:
    return Submission(
        source=source,
        collection=more.pop("collection", "cats"),
        origin=JobOrigin.V2,
        owner=NOBODY,
        idempotency_key=IdempotencyKey(scope, key) if key else None,
        **more,
    )


def test_a_replay_finds_its_job_though_everything_it_came_from_is_gone(api: Api, pictures: Path) -> None:
    folder, manifest = pictures / "album", pictures / "list.jsonl"
    folder.mkdir()
    manifest.write_text('{"path": "a.jpg"}\n')
    sources = {"folder": str(folder), "manifest": ManifestSource(str(manifest)), "list": ["/a", "/b"]}
    first = {key: submit(api.services.jobs, asked(source, key)) for key, source in sources.items()}
    before, sent = api.rows(), list(api.sent)
    folder.rmdir()
    manifest.unlink()
    api.lose_redis()
    assert {key: submit(api.services.jobs, asked(source, key)) for key, source in sources.items()} == first
    assert (api.rows(), api.sent) == (before, sent)
    api.delete("cats")
    again = {key: submit(api.services.jobs, asked(source, key)) for key, source in sources.items()}
    assert {key: job.id for key, job in again.items()} == {key: job.id for key, job in first.items()}
    assert api.rows() == (3, [], 2)


def test_the_route_looks_the_key_up_before_anything_else(api: Api, pictures: Path) -> None:
    http = create_app(api.services).test_client()
    (pictures / "album").mkdir()
    body = {"source": str(pictures / "album"), "collection": "cats"}
    headers = {"Idempotency-Key": "monday"}
    first = http.post("/api/v2/jobs", json=body, headers=headers)
    (pictures / "album").rmdir()
    api.delete("cats")
    api.lose_redis()
    again = http.post("/api/v2/jobs", json=body, headers=headers)
    assert (again.status_code, again.get_json()["id"]) == (202, first.get_json()["id"])
    assert again.headers["Location"] == first.headers["Location"]
    other = http.post("/api/v2/jobs", json={**body, "prune": True}, headers=headers)
    assert other.status_code == 409
    assert http.post("/api/v2/jobs", json=body, headers={"Idempotency-Key": "tuesday"}).status_code == 404
    assert api.rows()[:2] == (1, [])


def test_another_request_under_the_same_key_is_a_conflict_and_makes_nothing(api: Api, pictures: Path) -> None:
    submit(api.services.jobs, asked(str(pictures)))
    before = api.rows()
    for other in (asked(str(pictures), recursive=False), asked(["/a"]), asked(str(pictures), collection="dogs")):
        with pytest.raises(Conflict, match="Idempotency-Key"):
            submit(api.services.jobs, other)
    assert api.rows() == before


def test_a_key_belongs_to_the_operation_that_it_was_sent_with(api: Api, pictures: Path) -> None:
    jobs = [
        submit(api.services.jobs, asked(str(pictures))),
        submit(api.services.jobs, asked(str(pictures), scope="POST /api/v2/other", recursive=False)),
        submit(api.services.jobs, asked(str(pictures), key=None)),
        submit(api.services.jobs, asked(str(pictures), key=None)),
    ]
    assert len({job.id for job in jobs}) == 4


def test_a_first_request_is_still_checked(api: Api, pictures: Path) -> None:
    with pytest.raises(SourceRejected):
        submit(api.services.jobs, asked(str(pictures / "nothing")))
    api.lose_redis()
    with pytest.raises(StoreUnavailable):
        submit(api.services.jobs, asked(str(pictures)))
    assert api.rows() == (0, [], 0)


@pytest.mark.parametrize("source", ["folder", "list"])
def test_of_requests_at_once_one_makes_the_job_and_the_others_find_it(
    api: Api, pictures: Path, source: str
) -> None:
    several = 4
    # All of them have looked the key up in vain before any goes on.
    api.meet_at_redis(several)
    wanted = asked(str(pictures) if source == "folder" else [f"/{index}.jpg" for index in range(50)])
    with ThreadPoolExecutor(several) as pool:
        found = list(pool.map(lambda _: submit(api.services.jobs, wanted).id, range(several)))
    assert len(set(found)) == 1
    assert api.rows() == (1, ["cats"], 0 if source == "folder" else 50)
    assert api.sent == [TaskName.PLAN]


def test_different_requests_at_once_leave_one_job_and_one_collection(api: Api, pictures: Path) -> None:
    names = ["cats", "dogs"]
    api.meet_at_redis(len(names))
    with ThreadPoolExecutor(len(names)) as pool:
        tried = [pool.submit(submit, api.services.jobs, asked(["/a"], collection=name)) for name in names]
    failures = [one.exception() for one in tried if one.exception()]
    assert [type(failure) for failure in failures] == [Conflict]
    [made] = [one.result().collection for one in tried if not one.exception()]
    assert api.rows() == (1, [made], 1)


def test_who_comes_second_makes_a_deleted_collection_never_again(api: Api, pictures: Path) -> None:
    looked, go_on = Event(), Event()

    def wait() -> None:
        api.at_redis = lambda: None
        looked.set()
        assert go_on.wait(TIMEOUT)

    api.at_redis = wait
    with ThreadPoolExecutor(1) as pool:
        slow: Future[Job] = pool.submit(submit, api.services.jobs, asked(str(pictures)))
        assert looked.wait(TIMEOUT)
        fast = submit(api.services.jobs, asked(str(pictures)))
        api.delete("cats")
        go_on.set()
        assert slow.result(TIMEOUT).id == fast.id
    assert api.rows() == (1, [], 0)


def test_keys_of_any_job_are_found_by_an_index(api: Api, pictures: Path) -> None:
    for _ in range(3):
        submit(api.services.jobs, asked(str(pictures), key=str(uuid4())))
    with api.catalog.transaction() as tx:
        tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            tx.execute(
                sa.text("EXPLAIN SELECT id FROM jobs WHERE idempotency_scope = 'a' AND idempotency_key = 'b'")
            ).scalars()
        )
    assert "uq_jobs_idempotency_scope_key" in plan
