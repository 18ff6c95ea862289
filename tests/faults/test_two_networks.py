"""Networks side by side in one system, one from a file: collections of each, some changing while searched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from support.drawing import photo_like
from support.faults.living import Living, StartStack
from support.faults.scoreboard import Scoreboard
from support.faults.verdict import judge
from support.system import PATIENT
from support.waiting import TIMEOUT, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3_600)]

DIMENSIONS = {"vgg16": 512, "resnet50": 2_048, "mine": 96}
DESCRIPTION = """
name = "mine"
side = 64
dimension = 96
preprocessing = "torch"
pooling = "gem"
"""
ENOUGH = 6
"""Searches of each kind before, during and after the change."""


@pytest.fixture(scope="module")
def pictures(library: Path) -> list[Path]:
    folder = library / "two networks"
    folder.mkdir()
    paths = [folder / f"{index:02}.png" for index in range(40)]
    for seed, path in enumerate(paths):
        photo_like(5_000 + seed, (96, 72)).save(path)
    return paths


@pytest.fixture(scope="module")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a layer of drawn filters as ONNX, with its description."""
    filters = np.random.default_rng(9).normal(0, 0.2, (DIMENSIONS["mine"], 3, 7, 7)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["picture", "filters"], ["filtered"], strides=[4, 4]),
            helper.make_node("Relu", ["filtered"], ["maps"]),
        ],
        "mine",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", DIMENSIONS["mine"], 15, 15])],
        [numpy_helper.from_array(filters, "filters")],
    )
    path = tmp_path_factory.mktemp("network") / "mine.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    path.with_suffix(".toml").write_text(DESCRIPTION)
    return path


@pytest.fixture(scope="module")
def stack(start_stack: StartStack, network_file: Path) -> Living:
    networks = f"resnet50=random:8,file={network_file}"
    made = start_stack(real=True, NETWORKS=networks, COMPUTE_BATCH="2", **PATIENT)

    def run_all() -> bool:
        running = made.http.get("/api/v2/info").json()["networks"]
        return {one["network"] for one in running if one["extractors"] and one["query_extractors"]} == set(
            DIMENSIONS
        )

    until(run_all, output=made.output)
    return made


def indexed(stack: Living, name: str, network: str, pictures: list[Path]) -> str:
    """Have a network build a collection of the pictures, and return the job's id."""
    made = stack.http.post("/api/v2/collections", json={"name": name, "network": network})
    assert made.status_code == 201, made.text
    job_id = stack.submit(str(pictures[0].parent), name)
    job = stack.wait_ended(job_id)
    assert (job["state"], job["indexed"]) == ("succeeded", len(pictures))
    return job_id


def network_of(stack: Living, name: str) -> tuple[str, int]:
    collection = stack.http.get(f"/api/v2/collections/{name}").json()
    return collection["network"], collection["dimension"]


def by_upload(http: httpx.Client, url: str, image: dict[str, Any]) -> httpx.Response:
    return http.post(url, files={"image": Path(image["path"]).read_bytes()}, data={"top_k": "3"})


def by_id(http: httpx.Client, url: str, image: dict[str, Any]) -> httpx.Response:
    return http.post(url, json={"image_id": image["id"], "top_k": 3})


SEARCHES = (by_upload, by_id)


@dataclass
class Searches:
    """Search a collection in every way, each on a thread of its own, until told to end.

    Attributes:
        answered: how often each way has found what it was for.
        complaints: every other answer.
    """

    stack: Living
    name: str
    answered: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    ending: Event = field(default_factory=Event)

    def go_on(self, most: int = ENOUGH) -> None:
        """Wait until each way has found so much more."""
        before = self.answered.copy()
        until(
            lambda: (
                self.complaints
                or all(self.answered[way.__name__] - before[way.__name__] >= most for way in SEARCHES)
            ),
            output=self.stack.output,
        )
        assert self.complaints == []

    @contextmanager
    def running(self) -> Iterator[None]:
        url = f"/api/v2/collections/{self.name}"
        images = self.stack.http.get(f"{url}/images", params={"limit": 100}).json()["items"]

        def search(way: Any) -> None:
            with httpx.Client(base_url=self.stack.http.base_url, timeout=TIMEOUT) as http:
                while not self.ending.is_set():
                    image = images[self.answered[way.__name__] % len(images)]
                    answer = way(http, f"{url}/search", image)
                    found = answer.json().get("results") or [{"path": None}]
                    if answer.status_code != 200 or found[0]["path"] != image["path"]:
                        self.complaints.append(
                            f"{way.__name__} {image['path']}: {answer.status_code} {answer.text}"
                        )
                    self.answered[way.__name__] += 1

        with ThreadPoolExecutor(len(SEARCHES)) as pool:
            threads: list[Future[None]] = [pool.submit(search, way) for way in SEARCHES]
            try:
                yield
            finally:
                self.ending.set()
            for thread in threads:
                thread.result()


@pytest.mark.parametrize("network", DIMENSIONS)
def test_each_network_has_a_collection_in_one_system(
    stack: Living, scoreboard: Scoreboard, pictures: list[Path], network: str
) -> None:
    job_id = indexed(stack, f"of-{network}", network, pictures)
    assert network_of(stack, f"of-{network}") == (network, DIMENSIONS[network])
    verdict = judge(stack, f"of-{network}", [job_id], pictures)
    scoreboard.add("networks side by side", verdict, 0)


@pytest.mark.parametrize("network", DIMENSIONS)
def test_each_network_tells_why_two_pictures_are_alike(stack: Living, pictures: list[Path], network: str) -> None:
    indexed(stack, f"why-{network}", network, pictures)
    url = f"/api/v2/collections/why-{network}"
    image = next(iter(stack.http.get(f"{url}/images", params={"limit": 1}).json()["items"]))
    asked = {"image_id": image["id"], "page": 2, "page_size": 1, "explain": "regions"}
    found = stack.http.post(f"{url}/search", json=asked)
    assert found.status_code == 200, found.text
    (result,) = found.json()["results"]
    regions = result["regions"]
    assert regions["similarity"] == pytest.approx(1 - result["distance"], abs=1e-3)
    for side in (regions["a"], regions["b"]):
        assert sum(map(sum, side["cells"])) == pytest.approx(regions["similarity"] - side["common"], abs=1e-3)


@pytest.mark.parametrize("network", ["resnet50", "mine"])
def test_a_collection_changes_over_to_another_network_while_it_is_searched(
    stack: Living, scoreboard: Scoreboard, pictures: list[Path], network: str
) -> None:
    name = f"to-{network}"
    first = indexed(stack, name, "vgg16", pictures)
    searches = Searches(stack, name)
    with searches.running():
        searches.go_on()
        answer = stack.http.post(f"/api/v2/collections/{name}/reindex", json={"network": network})
        assert answer.status_code == 202, answer.text
        begun = searches.answered.total()
        job = stack.wait_ended(answer.json()["id"])
        assert (job["state"], job["indexed"]) == ("succeeded", len(pictures))
        assert searches.answered.total() > begun
        searches.go_on()
    assert searches.complaints == []
    assert network_of(stack, name) == (network, DIMENSIONS[network])
    verdict = judge(stack, name, [first, job["id"]], pictures)
    scoreboard.add("from one network to another", verdict, 0)
