"""The real Milvus server over its quota: batches wait, no picture fails, and the reason is seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import numpy as np
import pytest
from pymilvus import MilvusClient, MilvusException

from support.faults.fullness import SECONDS, outlast, says
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

QUOTA_MEGABYTES = "8"
ROWS = 8_000
"""Of 512 numbers: 16 MB, which stay above the quota whatever is compacted."""
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
    stack = start_stack(MILVUS_URI=server.uri, MILVUS_LITE="false", EMBED_SECONDS="0.3")
    return Rounds(stack, scoreboard, album, seeded())


def test_milvus_over_its_disk_quota(rounds: Rounds, server: MilvusServer) -> None:
    stack = rounds.stack

    def fill() -> None:
        with closing(MilvusClient(server.uri, dedicated=True)) as client:
            client.create_collection(BALLAST, dimension=512, auto_id=True)
            write(client, ROWS)
            until(lambda: is_refused(client), seconds=SECONDS, output=stack.output)
            told = says(stack, "stores of indexer")
            assert "no quota left" in told
            assert "disk quota exceeded" in told
            [running] = stack.http.get("/api/v2/jobs", params={"limit": 1}).json()["items"]
            assert running["failed"] == 0
            path = f"/api/v2/collections/{running['collection']}/search"
            answer = stack.http.post(path, files={"image": rounds.album[0].read_bytes()})
            assert answer.status_code == HTTPStatus.OK, answer.text
            outlast()
            # What was dropped counts no more.
            client.drop_collection(BALLAST)

    assert crashes(stack, rounds.run("Milvus over its quota", fill, latest=0.4)) == 0


def write(client: MilvusClient, number: int) -> None:
    rows = np.random.default_rng(number).random((number, 512), dtype=np.float32)
    client.insert(BALLAST, [{"vector": row} for row in rows])
    client.flush(BALLAST)


def is_refused(client: MilvusClient) -> bool:
    """Write a little more, and tell whether Milvus refused it."""
    try:
        write(client, 1)
    except MilvusException as error:
        if "quota exceeded" not in error.message:
            raise
        return True
    return False
