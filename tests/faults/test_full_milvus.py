"""The real Milvus server over its quota: batches wait, no picture fails, and the reason is seen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import numpy as np
import pytest
from pymilvus import MilvusClient, MilvusException

from support.faults.fullness import SECONDS, says
from support.faults.living import StartStack
from support.faults.rounds import Rounds, seeded
from support.faults.scoreboard import Scoreboard
from support.faults.verdict import crashes
from support.milvus_servers import HAS_MILVUS, MilvusServer
from support.waiting import until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(3_600),
    pytest.mark.skipif(not HAS_MILVUS, reason="the milvus wheel is not there"),
]

FULL_SECONDS = 30.0
"""Longer than a claim and a lease last."""
QUOTA_MEGABYTES = "16"
BALLAST = "ballast"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    made = MilvusServer(
        tmp_path_factory.mktemp("milvus") / "server",
        QUOTAANDLIMITS_LIMITWRITING_DISKPROTECTION_DISKQUOTA=QUOTA_MEGABYTES,
    )
    made.start()
    yield made
    made.end()


@pytest.fixture(scope="module")
def rounds(start_stack: StartStack, scoreboard: Scoreboard, album: list[Path], server: MilvusServer) -> Rounds:
    stack = start_stack(MILVUS_URI=server.uri, MILVUS_LITE="false", EMBED_SECONDS="0.05")
    return Rounds(stack, scoreboard, album, seeded())


def test_milvus_over_its_disk_quota(rounds: Rounds, server: MilvusServer) -> None:
    stack = rounds.stack
    indexed = stack.job(rounds.run("a job before Milvus is full"))["collection"]

    def fill() -> None:
        with closing(MilvusClient(server.uri, dedicated=True)) as client:
            client.create_collection(BALLAST, dimension=512, auto_id=True)
            until(lambda: is_refused(client), seconds=4 * SECONDS, output=stack.output)
            told = says(stack, "stores of indexer")
            assert "no quota left" in told
            assert "disk quota exceeded" in told
            picture = rounds.album[0].read_bytes()
            answer = stack.http.post(f"/api/v2/collections/{indexed}/search", files={"image": picture})
            assert answer.status_code == HTTPStatus.OK, answer.text
            time.sleep(FULL_SECONDS)  # nothing happens that could be awaited
            # What was dropped counts no more.
            client.drop_collection(BALLAST)

    assert crashes(stack, rounds.run("Milvus over its quota", fill, latest=0.4)) == 0


def is_refused(client: MilvusClient) -> bool:
    """Write more, and tell whether Milvus refused it."""
    rows = np.random.default_rng(0).random((2_000, 512), dtype=np.float32)
    try:
        client.insert(BALLAST, [{"vector": row} for row in rows])
        client.flush(BALLAST)
    except MilvusException as error:
        if "quota exceeded" not in error.message:
            raise
        return True
    return False
