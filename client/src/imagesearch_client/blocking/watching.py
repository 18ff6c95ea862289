# Made of asynchronous/watching.py by `make client`: change that.
"""Watches one job: by server-sent events, and where those do not come by asking again and again."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, suppress

from imagesearch_client.blocking.connection import Connection
from imagesearch_client.errors import Unavailable
from imagesearch_client.event_stream import EVENT_STREAM, EventReader
from imagesearch_client.jobs import Job
from imagesearch_client.patience import Patience, Retry
from imagesearch_client.requests import job_path

MIN_SILENCE_SECONDS = 30.0
"""The API sends something at least every ten seconds."""
LISTEN_AGAIN_SECONDS = 60.0
"""After this the API is asked for events again; it sends them to so many callers, and no longer than a minute.

Doubled each time in a row that none came: a proxy may hold them back, and it takes long to notice that.
"""


class JobWatch:
    """Look at one job until it has ended.

    Args:
        connection: to the API.
        job_id: of the job.
        patience: with an API that does not answer.
        poll_seconds: between two looks, and between two streams of events.
        listens: whether to ask for events at all.
    """

    def __init__(
        self, connection: Connection, job_id: str, patience: Patience, *, poll_seconds: float, listens: bool
    ) -> None:
        self._connection = connection
        self._path = job_path(job_id)
        self._patience = patience
        self._poll_seconds = poll_seconds
        self._listens_at = patience.clock() if listens else float("inf")
        self._listen_again = LISTEN_AGAIN_SECONDS

    def looks(self) -> Generator[Job, None]:
        """Yield the job as it stands at every look; the last one has ended."""
        while True:
            was_told = False
            with closing(self._listen() if self._is_to_listen() else self._poll()) as jobs:
                for job in jobs:
                    was_told = True
                    yield job
                    if job.ended:
                        return
            # Who was not sent any event asks at once.
            if was_told:
                self._connection.sleep(self._poll_seconds)

    def _is_to_listen(self) -> bool:
        return self._patience.clock() >= self._listens_at

    def _poll(self) -> Generator[Job, None]:
        yield Job.parse(self._connection.json("GET", self._path, Retry.SAFE, patience=self._patience))

    def _listen(self) -> Generator[Job, None]:
        reader = EventReader()
        silence = max(self._connection.timeout, MIN_SILENCE_SECONDS)
        self._listens_at = self._patience.clock() + self._listen_again
        self._listen_again *= 2
        # Busy, away or cut off: the next look asks, is patient, and says why it has to be.
        with suppress(Unavailable):
            with closing(self._connection.stream(f"{self._path}/events", EVENT_STREAM, silence)) as chunks:
                for chunk in chunks:
                    for event in reader.feed(chunk):
                        # Whoever was told something may listen again at once.
                        self._listens_at, self._listen_again = self._patience.clock(), LISTEN_AGAIN_SECONDS
                        yield Job.parse(event)
