"""Index a directory of pictures, search it with some of them, and go on serving."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from rich.console import Console

from imagesearch.files.roots import Roots
from imagesearch.files.walk import walk
from imagesearch_client import ApiError, Client, ClientError, Job, SearchResult, Unavailable
from imagesearch_client.display import show_progress
from imagesearch_client.wording import summary
from imagesearch_local.child import StackProcess
from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import Layout
from imagesearch_local.ports import LOOPBACK
from imagesearch_local.readiness import ASK_EVERY_SECONDS, reason_unready
from imagesearch_local.samples import draw_samples
from imagesearch_local.stack import exclusive_lock, make_room
from imagesearch_local.weights import settle

READY_SECONDS = 300.0
"""A machine with a slow disk loads TensorFlow twice in that time."""
SEARCH_SECONDS = 60.0
QUERIES = 3
SHOWN = 5
SELF_MATCH = 0.001
"""A picture's distance to itself: zero but for rounding, 1e-6 in float32 and 1e-4 in bfloat16."""
FAILURES_SHOWN = 5


class _Stopped(BaseException):
    """The user asked to stop, by Ctrl-C or SIGTERM."""


@dataclass
class Demo:
    """Hold what was asked for, and what runs because of it.

    Attributes:
        images: directory to index; the first counts, the others are only allowed. Empty for samples.
        weights: empty for the published ones, with an untrained network where they cannot be had.
        once: end after the searches.
    """

    layout: Layout
    port: int
    images: Sequence[Path]
    weights: str
    once: bool
    console: Console = field(default_factory=lambda: Console(highlight=False))

    def run(self) -> int:
        """Do all of it and return the exit status.

        Raises:
            StackFailed: something did not work; the message says what.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
        try:
            self._run()
        except _Stopped:
            return 128 + signal.SIGINT
        except ClientError as error:
            raise StackFailed(str(error)) from error
        return 0

    def _run(self) -> None:
        self.layout.create()
        with exclusive_lock(self.layout):
            # From here on, only what is started here can answer on the port.
            make_room(self.layout, self.port)
        images = self._pictures()
        weights = settle(self.layout, self.weights, self._say)
        stack = StackProcess(self.layout, self.port, images, weights)
        try:
            stack.start()
            self._await_ready(stack)
            with Client(f"http://{LOOPBACK}:{self.port}") as client:
                self._index_and_search(client, images[0], weights)
            if not self.once:
                self._serve(stack)
        except ClientError:
            stack.raise_if_ended()
            raise
        finally:
            # From here on nothing may come between: whatever was started is stopped.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            stack.stop()
        self._say("Everything has stopped.")

    def _pictures(self) -> Sequence[Path]:
        if self.images:
            for directory in self.images:
                if not directory.is_dir():
                    raise StackFailed(f"IMAGES={directory} is not a directory")
            return self.images
        drawn = draw_samples(self.layout.samples)
        self._say(f"IMAGES is not set: using {len(drawn)} pictures drawn for this, in {self.layout.samples}")
        return [self.layout.samples]

    def _await_ready(self, stack: StackProcess) -> None:
        deadline = time.monotonic() + READY_SECONDS
        self._say(f"Starting the system; what it writes goes to {stack.log}")
        with self.console.status("starting"):
            while reason := reason_unready(self.port):
                stack.raise_if_ended()
                if time.monotonic() > deadline:
                    raise StackFailed(f"not ready after {READY_SECONDS:.0f} s: {reason}; see {stack.log}")
                time.sleep(ASK_EVERY_SECONDS)

    def _index_and_search(self, client: Client, directory: Path, weights: str) -> None:
        collection = _collection_for(client, weights)
        self._say(f"Indexing {directory} into the collection {collection!r}")
        job = show_progress(client, client.submit_job(str(directory), collection).id, self.console)
        failed = self._report(client, job)
        found = client.collection(collection)
        self._say(f"The collection {collection!r} holds {found.images} rows and {found.vectors} vectors.")
        if found.images != found.vectors or found.images < job.indexed + job.unchanged:
            raise StackFailed("rows, vectors and the job's counts differ")
        for path in _spread(directory, failed):
            answer = self._search(client, collection, path)
            self._show(path, directory, answer)
            if not _finds_itself(path, answer):
                raise StackFailed(f"{path} does not find itself first")

    def _search(self, client: Client, collection: str, path: Path) -> SearchResult:
        """Search, and ask again for a while: a busy machine can be late with its first answer."""
        deadline = time.monotonic() + SEARCH_SECONDS
        while True:
            try:
                return client.search(collection, path, top_k=SHOWN)
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(ASK_EVERY_SECONDS)

    def _report(self, client: Client, job: Job) -> set[str]:
        """Say how the job ended and return the paths that it could not index."""
        self._say(summary(job))
        if job.total and job.unchanged == job.total:
            self._say(f"All {job.total} pictures were unchanged: nothing was computed again.")
        failures = list(client.failures(job.id)) if job.failed else []
        for failure in failures[:FAILURES_SHOWN]:
            self._say(f"  {failure.path}: {failure.reason} ({failure.code})")
        if len(failures) > FAILURES_SHOWN:
            self._say(f"  and {len(failures) - FAILURES_SHOWN} more")
        if job.state not in ("succeeded", "completed_with_failures") or not job.indexed + job.unchanged:
            raise StackFailed(job.error or f"nothing was indexed: the job {job.state}")
        return {failure.path for failure in failures}

    def _show(self, path: Path, directory: Path, answer: SearchResult) -> None:
        self._say(f"\nWhat looks like {_short(str(path), directory)}?")
        self._say("  distance  path")
        for result in answer.results:
            self._say(f"  {result.distance:8.4f}  {_short(result.path, directory)}")

    def _serve(self, stack: StackProcess) -> None:
        self._say(f"\nServing on http://{LOOPBACK}:{self.port} until Ctrl-C.")
        try:
            status = stack.wait()
        except _Stopped:
            self._say("Stopping.")
            return
        if status != 0:
            stack.raise_if_ended()

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, soft_wrap=True)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _collection_for(client: Client, weights: str) -> str:
    """Return a collection whose vectors the running network can be compared with.

    That is ``default``, unless an earlier run filled it with another network.
    """
    try:
        found = client.collection("default")
    except ApiError as error:
        if error.status != 404:
            raise
        return "default"
    if found.fingerprint is None or found.fingerprint in client.info().fingerprints:
        return "default"
    return "demo-" + re.sub(r"[^a-z0-9]+", "-", Path(weights).name.lower()).strip("-")


def _spread(directory: Path, failed: set[str]) -> list[Path]:
    """Return some of the indexed pictures, taken from all over the directory."""
    found = walk(directory, Roots((directory.resolve(),)), recursive=True, after=None)
    # A link leads to a file that has a name of its own.
    distinct = dict.fromkeys(entry.path for _, entry in found if entry.failure is None)
    paths = [path for path in distinct if path not in failed]
    count = min(QUERIES, len(paths))
    return [Path(paths[len(paths) * (2 * index + 1) // (2 * count)]) for index in range(count)]


def _finds_itself(path: Path, answer: SearchResult) -> bool:
    """Tell whether a picture is among the results at distance zero, or may be behind them as all are at zero."""
    equal = [result.path for result in answer.results if result.distance < SELF_MATCH]
    return str(path) in equal or len(equal) == SHOWN


def _short(path: str, directory: Path) -> str:
    return os.path.relpath(path, directory) if Path(path).is_relative_to(directory) else path
