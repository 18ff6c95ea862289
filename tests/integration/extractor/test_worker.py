"""The extractor's real process over a real Valkey, with an untrained network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import psutil
import pytest
import redis
from celery import Celery

from imagesearch.contract import ExtractBatch, ExtractItem, IndexBatch, Queue, TaskName, unpack_vectors
from imagesearch.errors import StoreUnavailable
from imagesearch.failures import FailureCode
from imagesearch.messaging.broker import close_celery, create_celery, create_redis, send
from imagesearch.messaging.claims import InFlight
from imagesearch.messaging.query_channel import QueryChannel
from imagesearch.networks import VGG16, queue_for, queues_of
from imagesearch.pipeline import Preprocessing
from imagesearch.query_contract import QueryPixels, QueryVectors
from imagesearch.settings import RedisSettings
from imagesearch.worker.registry import WorkerRegistry
from imagesearch_extractor.weights import random_weights
from support.drawing import encoded, photo_like
from support.valkey_server import ValkeyServer
from support.waiting import TIMEOUT, ended, until

pytestmark = pytest.mark.integration

STEP_BACK = 1
T = TypeVar("T")


class Worker:
    """One extractor process."""

    def __init__(self, queue: Queue, redis_url: str, photos: Path, log: Path, **environment: str) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "imagesearch_extractor", "--queue", queue.value],
                env={
                    **os.environ,
                    "WEIGHTS": "random:7",
                    # With all of its step back it would get nothing on a machine that is busy with other things.
                    "BULK_NICENESS": str(STEP_BACK),
                    "COMPUTE_BATCH": "2",
                    "REDIS_URL": redis_url,
                    "IMAGE_ROOTS": str(photos),
                    **environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def output(self) -> str:
        return self.log.read_text()

    def until(self, found: Callable[[], T | None]) -> T:
        """Ask again and again until there is an answer, as long as the process runs."""
        return cast(T, until(found, alive=self.process, output=self.log))

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return ended(self.process)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="module")
def settings(valkey: ValkeyServer) -> RedisSettings:
    return RedisSettings(redis_url=valkey.url)


@pytest.fixture(scope="module")
def client(settings: RedisSettings) -> Iterator[redis.Redis]:
    made = create_redis(settings)
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(settings: RedisSettings) -> Iterator[Celery]:
    made = create_celery(settings)
    yield made
    close_celery(made)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos").resolve()
    for seed in range(4):
        (folder / f"{seed}.jpg").write_bytes(encoded(photo_like(seed)))
    return folder


@pytest.fixture(scope="module")
def start(settings: RedisSettings, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start workers that do not outlive the tests."""
    started: list[Worker] = []
    logs = tmp_path_factory.mktemp("logs")

    def begin(queue: Queue, **environment: str) -> Worker:
        url = environment.pop("REDIS_URL", settings.redis_url)
        worker = Worker(queue, url, photos, logs / f"{len(started)}.log", **environment)
        started.append(worker)
        return worker

    yield begin
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()


@pytest.fixture(scope="module")
def bulk(start: Any, valkey: ValkeyServer) -> Worker:
    """A worker that was started before its Valkey."""
    valkey.stop()
    worker: Worker = start(Queue.EXTRACT)
    worker.until(lambda: worker.output().count("Cannot connect") == 1)
    valkey.start()
    return worker


@pytest.fixture(scope="module")
def heir(start: Any) -> Worker:
    worker: Worker = start(Queue.EXTRACT)
    return worker


def batch_of(batch_id: int, *paths: Path, model: str | None = None) -> ExtractBatch:
    items = tuple(ExtractItem(image_id, str(path), None, 0) for image_id, path in enumerate(paths, 1))
    return ExtractBatch("job", batch_id, model, Preprocessing().to_dict(), items)


def send_batch(app: Celery, batch: ExtractBatch) -> None:
    queue = queue_for(Queue.EXTRACT, VGG16.name, batch.model)
    [task_id] = InFlight(app.backend.client).queued(queue, [batch.batch_id])
    send(app, TaskName.EXTRACT, batch, task_id=task_id, queue=queue)


def receive(app: Celery, batch_id: int, worker: Worker) -> IndexBatch:
    """Take messages off the index queue until this batch's arrives."""
    with (
        app.connection_for_read() as connection,
        connection.SimpleQueue(Queue.INDEX.value, accept=["msgpack"]) as queue,
    ):

        def next_one() -> IndexBatch | None:
            try:
                message = queue.get(timeout=1)
            except queue.Empty:
                return None
            message.ack()
            (wire,), _, _ = message.payload
            found = IndexBatch.from_wire(wire)
            return found if found.batch_id == batch_id else None

        return worker.until(next_one)


def test_a_batch_comes_out_as_vectors_for_the_indexer(app: Celery, bulk: Worker, photos: Path) -> None:
    paths = sorted(photos.glob("*.jpg"))
    send_batch(app, batch_of(1, *paths, photos / "gone.jpg"))
    done = receive(app, 1, bulk)
    assert done.model == random_weights("random:7").identity
    assert [image.image_id for image in done.images] == [1, 2, 3, 4]
    assert [(failure.image_id, failure.code) for failure in done.failures] == [(5, FailureCode.VANISHED)]
    assert np.linalg.norm(unpack_vectors(done.vectors, 4, VGG16.dimension), axis=1) == pytest.approx(
        np.ones(4), abs=1e-5
    )


def test_a_bulk_worker_waits_for_valkey(client: redis.Redis, bulk: Worker) -> None:
    assert bulk.until(lambda: WorkerRegistry(client).alive())


def test_the_worker_shows_itself_and_steps_back_for_others(client: redis.Redis, bulk: Worker) -> None:
    reports = bulk.until(lambda: WorkerRegistry(client).alive())
    assert [(report.queues, report.weights, report.untrained) for report in reports] == [
        (queues_of(Queue.EXTRACT, random_weights("random:7").identity), "random:7", True)
    ]
    assert psutil.Process(bulk.process.pid).nice() == min(psutil.Process().nice() + STEP_BACK, 19)


def test_a_batch_of_its_own_weights_is_taken_and_one_of_others_is_left_to_their_workers(
    app: Celery, client: redis.Redis, bulk: Worker, photos: Path
) -> None:
    other = "vgg16-max-512:" + "0" * 64
    send_batch(app, batch_of(2, photos / "0.jpg", model=other))
    send_batch(app, batch_of(6, photos / "0.jpg", model=random_weights("random:7").identity))
    assert len(receive(app, 6, bulk).images) == 1
    assert client.llen(queue_for(Queue.EXTRACT, VGG16.name, other)) == 1


def test_work_goes_on_after_valkey_was_away(app: Celery, bulk: Worker, photos: Path, valkey: ValkeyServer) -> None:
    valkey.stop()
    valkey.start()
    until(lambda: reachable(app))
    send_batch(app, batch_of(3, photos / "1.jpg"))
    assert len(receive(app, 3, bulk).images) == 1


def reachable(app: Celery) -> bool:
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=1)
            connection.default_channel.client.ping()
    except (redis.RedisError, ConnectionError):
        return False
    return True


def test_sigterm_hands_the_batch_in_hand_back(
    app: Celery, bulk: Worker, photos: Path, client: redis.Redis, request: pytest.FixtureRequest
) -> None:
    in_flight = InFlight(client)
    send_batch(app, batch_of(4, *sorted(photos.glob("*.jpg")) * 3))
    bulk.until(lambda: client.get("imagesearch:begun:extract:4") == b"1")
    assert bulk.stop() == 0, bulk.output()
    assert in_flight.waiting([4]) == {4}
    assert in_flight.take_crashes([4]) == {4: 0}
    assert WorkerRegistry(client).alive() == []
    heir: Worker = request.getfixturevalue("heir")  # begins only now
    assert len(receive(app, 4, heir).images) == 12


def test_a_bulk_worker_stops_without_valkey(client: redis.Redis, heir: Worker, valkey: ValkeyServer) -> None:
    heir.until(lambda: WorkerRegistry(client).alive())
    valkey.stop()
    heir.until(lambda: "Cannot connect" in heir.output())
    assert heir.stop() == 0, heir.output()
    valkey.start()


def test_queries_are_answered_and_late_ones_refused(
    settings: RedisSettings, start: Any, client: redis.Redis
) -> None:
    worker: Worker = start(Queue.QUERY)
    queue = queue_for(Queue.QUERY, VGG16.name, None)
    channel = QueryChannel(client, settings)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)

    def ask(some: np.ndarray[Any, Any], seconds: float = TIMEOUT) -> QueryVectors:
        return channel.ask(queue, QueryPixels(len(some), some.tobytes(), 224, seconds), TIMEOUT)

    with ThreadPoolExecutor(5) as threads:
        late = threads.submit(ask, pixels[:1], -1.0)
        single = [threads.submit(ask, pixels[index : index + 1]) for index in range(3)]
        together = threads.submit(ask, pixels)
        worker.until(lambda: WorkerRegistry(client).alive())
        vectors = unpack_vectors(together.result().vectors, 3, VGG16.dimension)
        for index, asked in enumerate(single):
            assert unpack_vectors(asked.result().vectors, 1, VGG16.dimension)[0] @ vectors[index] > 0.9999
        with pytest.raises(StoreUnavailable, match="held for more than"):
            late.result()
    assert not client.keys("imagesearch:answer:*")
    assert psutil.Process(worker.process.pid).nice() == psutil.Process().nice()
    assert worker.stop() == 0, worker.output()
    # Not of those that stopped while Valkey was away, and could not sign off.
    assert str(worker.process.pid) not in {each.name.rpartition(".")[2] for each in WorkerRegistry(client).alive()}


def test_a_query_worker_waits_for_valkey_and_stops_without_it(start: Any, tmp_path: Path) -> None:
    server = ValkeyServer(tmp_path / "late")
    missing = '"event": "retrying"'
    worker: Worker = start(Queue.QUERY, REDIS_URL=server.url)
    worker.until(lambda: missing in worker.output())
    with server:
        late_settings = RedisSettings(redis_url=server.url)
        late = create_redis(late_settings)
        worker.until(lambda: WorkerRegistry(late).alive())
        pixels = np.full((1, 224, 224, 3), 200, np.uint8)
        query = QueryPixels(1, pixels.tobytes(), 224, TIMEOUT)
        queue = queue_for(Queue.QUERY, VGG16.name, None)
        assert QueryChannel(late, late_settings).ask(queue, query, TIMEOUT).model.startswith("vgg16")
        late.close()
    failures = worker.output().count(missing)
    worker.until(lambda: worker.output().count(missing) > failures)
    assert worker.stop() == 0, worker.output()


def test_a_worker_that_cannot_load_its_weights_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.h5").write_bytes(b"<html>")
    ran = subprocess.run(
        [sys.executable, "-m", "imagesearch_extractor", "--queue", "query"],
        env={**os.environ, "WEIGHTS": str(tmp_path / "broken.h5")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert ran.returncode == 78
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith(f"extractor cannot start: WEIGHTS={tmp_path / 'broken.h5'} cannot be read")
    assert "set WEIGHTS to" in ran.stderr


@pytest.mark.parametrize(
    ("weights", "code", "words"),
    [
        ("random:7", 0, "is ready: vgg16-max-512:"),
        ("imagenet", 69, "could not download"),
        ("none.h5", 78, "no such file"),
    ],
)
def test_prefetch_tells_by_its_exit_code_what_is_the_matter(
    weights: str, code: int, words: str, tmp_path: Path
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "imagesearch_extractor.prefetch"],
        env={
            **os.environ,
            "WEIGHTS": weights,
            "KERAS_HOME": str(tmp_path),
            "https_proxy": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert ran.returncode == code
    assert words in ran.stdout + ran.stderr
    assert (ran.stdout + ran.stderr).count("\n") == 1
