"""An upgrade stops nothing: processes of the release before and of this one work side by side over a migration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from imagesearch.catalog.migrate import is_current
from imagesearch_local.control import Control
from support.faults.former import Former, Present
from support.faults.verdict import judge
from support.waiting import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

FORMER_WORKERS = ("extractor", "extractor-query", "indexer")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[Former]:
    made = Former(tmp_path_factory.mktemp("former"), library, EMBED_SECONDS="0.1")
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture
def present(stack: Former, tmp_path: Path) -> Iterator[Present]:
    made = Present(stack, tmp_path, EMBED_SECONDS="0.1")
    yield made
    assert set(made.stop().values()) == {0}


@dataclass
class Asking:
    """Searches, one after the other, at whichever APIs there are at the moment."""

    picture: bytes
    apis: list[httpx.Client]
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    stop: Event = field(default_factory=Event)

    def run(self) -> None:
        while not self.stop.is_set():
            for api in list(self.apis):
                answer = api.post("/api/v2/collections/before/search", files={"image": self.picture})
                self.statuses[str(api.base_url), answer.status_code] += 1

    def answered(self, api: httpx.Client, more: int) -> None:
        """Wait until so many more searches were answered at an API."""
        place = str(api.base_url), 200
        enough = self.statuses[place] + more
        until(lambda: self.statuses[place] >= enough)


@contextmanager
def asking(picture: Path, api: httpx.Client) -> Iterator[Asking]:
    made = Asking(picture.read_bytes(), [api])
    thread = Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop.set()
        thread.join()


def test_two_releases_work_side_by_side_and_nothing_is_lost_or_refused(
    stack: Former, present: Present, album: list[Path]
) -> None:
    folder = str(album[0].parent)
    first = stack.submit(folder, "before")
    stack.wait_done(first, 8)
    assert not is_current(stack.catalog), "both releases have one schema: this tests no upgrade"
    with asking(album[0], stack.http) as searches:
        searches.answered(stack.http, 3)
        present.migrate()
        searches.answered(stack.http, 3)
        present.start_workers()
        present.start_api()
        searches.apis.append(present.http)
        # Each API, with whichever workers take its messages.
        second = stack.submit(folder, "of-the-former")
        third = present.http.post("/api/v2/jobs", json={"source": folder, "collection": "of-the-present"}).json()[
            "id"
        ]
        searches.answered(stack.http, 5)
        searches.answered(present.http, 5)
        for job_id in (first, second, third):
            stack.wait_done(job_id, 40)
        assert "batch.extracted" in present.log("extractor")
        assert "batch.extracted" in stack.log("extractor")
        searches.apis.remove(stack.http)
        searches.answered(present.http, 1)
        control = Control(stack.layout)
        control.stop("api")
        control.stop("scheduler")
        present.start_scheduler()
        for name in FORMER_WORKERS:
            control.stop(name)
        stack.http.close()
        stack.http = present.http
        jobs = {job_id: stack.wait_ended(job_id) for job_id in (first, second, third)}
        searches.answered(present.http, 5)
    assert {status for _, status in searches.statuses} == {200}, searches.statuses
    for name, job_id in (("before", first), ("of-the-former", second), ("of-the-present", third)):
        assert (jobs[job_id]["state"], jobs[job_id]["indexed"]) == ("succeeded", len(album))
        assert judge(stack, name, [job_id], album).is_clean
    logs = [stack.log(name) for name in FORMER_WORKERS] + [present.log(name) for name in FORMER_WORKERS]
    assert not any("message.dropped" in log for log in logs)
