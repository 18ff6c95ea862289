"""A plan says what the published table says, and what the command line prints."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import get_args

import pytest

from imagesearch import admin
from imagesearch.capacity.library import Library, disk_bytes, index_bytes, plan
from imagesearch.vectors import IndexType


@pytest.mark.parametrize(
    ("images", "shown"),
    [
        ("1e3", "2.048 MB"),
        ("1e4", "20.48 MB"),
        ("1e5", "204.8 MB"),
        ("1e6", "2.048 GB"),
        ("1e7", "20.48 GB"),
        ("1e8", "204.8 GB"),
        ("1e9", "2.048 TB"),
    ],
)
def test_the_published_table_of_512_numbers_of_4_bytes(
    images: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert admin.main(["plan", "--images", images, "--dim", "512"]) == 0
    lines = dict(line.split(maxsplit=2)[1:] for line in capsys.readouterr().out.splitlines() if "raw" in line)
    assert lines == {"vectors": shown}
    assert plan(Library(int(float(images)))).vectors == int(float(images)) * 512 * 4


def test_a_billion_in_thirty_days(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["plan", "--images", "1e9", "--dim", "512", "--index", "HNSW", "--deadline", "30d", "--rate", "33"]
    assert admin.main(command) == 0
    shown = capsys.readouterr().out
    assert admin.main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["vectors"] == 2_048_000_000_000
    # 2,048 bytes of vector, 65 x 4 of links and their number, 5 of the levels above, 8 of key.
    assert found["index"] == (2048 + 260 + 5 + 8) * 10**9
    assert found["extractors"] == 12
    assert "12 of 33 pictures a second" in shown
    assert "2.321 TB of memory" in shown


def test_workers_keep_the_deadline_and_one_less_would_not() -> None:
    library = Library(10**7, deadline=timedelta(days=2), rate=16)
    needed = plan(library).extractors
    seconds = library.deadline.total_seconds()
    assert needed * 16 * seconds >= 10**7 > (needed - 1) * 16 * seconds


@pytest.mark.parametrize("index", get_args(IndexType))
def test_each_index_has_a_figure_that_grows_with_the_vector(index: IndexType) -> None:
    assert 0 < index_bytes(index, 128) < index_bytes(index, 512) < index_bytes(index, 2048)


def test_diskann_takes_disk_in_place_of_memory() -> None:
    found = plan(Library(10**9, index="DISKANN"))
    assert found.index < found.vectors / 7
    assert found.index_disk == disk_bytes(512) * 10**9 == 4096 * 10**9
    assert disk_bytes(128) == 4096 // 5
    assert plan(Library(10**9)).index_disk == 0


def test_redis_does_not_grow_with_the_library() -> None:
    assert plan(Library(10**3)).redis == plan(Library(10**12)).redis


def test_one_machine_is_outgrown_and_each_store_goes_to_something(capsys: pytest.CaptureFixture[str]) -> None:
    assert admin.main(["plan", "--images", "1e7"]) == 0
    assert "standalone, beside the others: 30.17 GB of memory" in capsys.readouterr().out
    assert admin.main(["plan", "--images", "1e9", "--json"]) == 0
    milvus, postgres, redis = json.loads(capsys.readouterr().out)["stores"]
    # 3.02 TB of memory on nodes of which 51.2 GB are Milvus' to fill.
    assert (milvus["nodes"], milvus["memory"]) == (59, 64 * 10**9)
    assert milvus["objects"] == round((2_048 + 2_321) * 1.3) * 10**9 + 700_000_000 - 10**9
    assert (postgres["where"], postgres["nodes"], postgres["disk"]) == (
        "managed, with a standby",
        2,
        1_132_500_000_000,
    )
    assert redis["memory"] == 10**9
    assert admin.main(["plan", "--images", "1e9", "--index", "DISKANN", "--node-memory", "512"]) == 0
    shown = capsys.readouterr().out
    assert "with etcd on 3 nodes: 2 x 512 GB of memory and 2.048 TB of disk" in shown
    assert admin.main(["plan", "--images", "1e9", "--node-memory", "0"]) == 1
    assert "node-memory: 1 to 100,000 GB" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"images": 0}, "images"),
        ({"dim": 40_000}, "dim"),
        ({"rate": 0.0}, "rate"),
        ({"rate": float("nan")}, "rate"),
    ],
)
def test_a_number_out_of_range_is_named(changed: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        Library(**{"images": 1, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [["--images", "many"], ["--images", "1.5"], ["--images", "1", "--deadline", "soon"]]
)
def test_what_is_no_number_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        admin.main(["plan", *wrong])
    assert wrong[-2] in capsys.readouterr().err
