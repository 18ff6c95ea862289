"""Bring a collection in step with a folder: one job at a time, and all of it also when the API was away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from imagesearch_client.answers import Deletion
from imagesearch_client.errors import ApiError, ClientError, Unavailable
from imagesearch_client.folder_watch.changes import Changes
from imagesearch_client.folder_watch.followed import Followed, Submission
from imagesearch_client.jobs import Job

MAX_PATHS = 10_000
"""Of one job's list."""
MAX_DELETED = 1_000
"""Paths of one deletion."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two tries while the API is away, or has no room."""
FIRST_JOB_PAUSE, LONGEST_JOB_PAUSE = 10.0, 600.0
"""Seconds after a job that failed as a whole."""
LATER = frozenset({"quota_exceeded", "reindex_running", "rate_limited", "wrong_keys"})
"""Codes of refusals that time may mend."""


class FolderGone(ClientError):
    """The folder that is followed is not there any more, or another one is in its place."""


class Api(Protocol):
    """What is asked of a `Client`."""

    def submit_job(
        self,
        source: str | Sequence[str],
        collection: str,
        *,
        partition: str | None,
        metadata: Mapping[str, Any] | None,
        idempotency_key: str | None,
        prune: bool,
        facts: Sequence[str],
    ) -> Job:
        """Submit a job."""

    def job(self, job_id: str) -> Job:
        """Return a job as it stands."""

    def delete_images(self, collection: str, *, paths: Sequence[str]) -> Deletion:
        """Delete images by path."""


class Follower:
    """Tell the API what happens to a folder.

    It begins with a job over the whole folder that also removes what is gone, and so makes up for what happened
    while nobody followed. Nothing is kept on disk.
    """

    def __init__(
        self,
        api: Api,
        followed: Followed,
        clock: Callable[[], float],
        tell: Callable[[Job | Deletion | str], None],
        *,
        whole_seconds: float | None = None,
    ) -> None:
        """Look at the folder, and tell nobody yet.

        Args:
            api: whom to tell; its patience should be short.
            followed: the folder.
            clock: in seconds.
            tell: is given each job that has ended, each deletion, and sentences on what goes wrong.
            whole_seconds: after so many the whole folder is looked at again, for events that got lost.

        Raises:
            FolderGone: it is not there.
        """
        self._api = api
        self._followed = followed
        self._clock = clock
        self._tell = tell
        self._whole_seconds = whole_seconds
        self._identity = self._look()
        self._changes = Changes(followed.root, clock)
        self._whole_at = clock()
        self._next: Submission | None = None
        self._job: str | None = None
        self._not_before = 0.0
        self._pause = FIRST_PAUSE
        self._job_pause = FIRST_JOB_PAUSE
        self._said = ""

    def note(self, events: Iterable[tuple[str, str]]) -> None:
        """Take events of the file system: what has happened, and the path."""
        self._changes.note(events)

    def step(self) -> None:
        """Do what can be done now; call it again and again.

        Raises:
            FolderGone: nothing can be known any more of what is in it.
            ApiError: the API refuses what no time mends.
        """
        if self._look() != self._identity:
            raise FolderGone(f"another folder is at {self._followed.root} now; is a disk not mounted?")
        if self._clock() < self._not_before:
            return
        try:
            self._go_on()
        except Unavailable as error:
            self._put_off(str(error), error.retry_after)
        except ApiError as error:
            if error.code not in LATER:
                raise
            self._put_off(str(error), error.retry_after)

    def _go_on(self) -> None:
        if self._whole_seconds is not None and self._clock() >= self._whole_at + self._whole_seconds:
            self._changes.look_at_all()
            self._whole_at = self._clock()
        self._delete()
        if self._job is not None and not self._has_ended(self._job):
            return
        if self._next is None:
            self._next = self._composed()
        if self._next is not None:
            self._submit(self._next)
        self._pause, self._said = FIRST_PAUSE, ""

    def _delete(self) -> None:
        while self._changes.deleted:
            part = sorted(self._changes.deleted)[:MAX_DELETED]
            gone = [path for path in part if not os.path.lexists(path)]
            named = [seen for path in gone if (seen := self._followed.on_server(path)) is not None]
            # Once more: where a disk has just gone, everything is.
            if self._look() != self._identity:
                raise FolderGone(f"another folder is at {self._followed.root} now; is a disk not mounted?")
            if named:
                done = self._api.delete_images(self._followed.collection, paths=named)
                if done.deleted:
                    self._tell(done)
            self._changes.deleted.difference_update(part)

    def _has_ended(self, job_id: str) -> bool:
        try:
            job = self._api.job(job_id)
        except ApiError as error:
            if error.status != 404:
                raise
            self._start_over(f"job {job_id} is gone")
            return False
        if not job.ended:
            return False
        self._tell(job)
        if job.state == "failed":
            self._start_over(job.error or f"job {job_id} failed")
            return False
        self._job, self._job_pause = None, FIRST_JOB_PAUSE
        return True

    def _start_over(self, why: str) -> None:
        """Look at everything after a while: what a lost job was to do is not known any more."""
        self._job = None
        self._changes.look_at_all()
        self._put_off(why, self._job_pause)
        self._job_pause = min(self._job_pause * 2, LONGEST_JOB_PAUSE)

    def _composed(self) -> Submission | None:
        """Return the next job, made of changes that are settled; None where there are none."""
        changes, followed = self._changes, self._followed
        if changes.whole:
            changes.begin_whole()
            return Submission(followed.server_root, None, prune=True)
        folder = changes.take_folder()
        if folder is not None:
            seen = followed.on_server(folder)
            return Submission(seen, folder) if seen is not None else None
        paths = [
            seen for path in changes.take_changed(MAX_PATHS) if (seen := followed.on_server(path)) is not None
        ]
        if paths:
            return Submission(paths, None)
        if changes.emptied:
            folder = changes.emptied.pop()
            while folder != followed.root and not os.path.isdir(folder):  # noqa: PTH112 - as the file system has it
                folder = os.path.dirname(folder)  # noqa: PTH120 - as above
            seen = followed.on_server(folder)
            return Submission(seen, folder, prune=True) if seen is not None else None
        return None

    def _submit(self, wanted: Submission) -> None:
        followed = self._followed
        try:
            job = self._api.submit_job(
                wanted.source,
                followed.collection,
                partition=followed.partition,
                metadata=followed.metadata,
                idempotency_key=wanted.key,
                prune=wanted.prune,
                facts=followed.facts,
            )
        except ApiError as error:
            if error.status != 404 or wanted.folder in (None, followed.root):
                raise
            # The folder is gone again; so is what was in it.
            self._next = None
            self._changes.emptied.add(os.path.dirname(str(wanted.folder)))  # noqa: PTH120 - as above
            return
        self._next, self._job = None, job.id

    def _look(self) -> tuple[int, int]:
        try:
            found = os.stat(self._followed.root)  # noqa: PTH116 - as above
        except OSError as error:
            raise FolderGone(f"{self._followed.root}: {error.strerror or error}") from error
        return found.st_dev, found.st_ino

    def _put_off(self, why: str, seconds: float | None) -> None:
        pause = self._pause if seconds is None else max(seconds, FIRST_PAUSE)
        self._not_before = self._clock() + pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        if why != self._said:
            self._said = why
            self._tell(f"{why}; trying again")
