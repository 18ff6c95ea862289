"""Keep jobs: their rows and transitions here, their ledger, batches and counters in the modules of this folder."""

from imagesearch.catalog.jobs.job import IdempotencyKey, Job, NewJob
from imagesearch.catalog.jobs.rows import KeyTaken, by_key, create, get, lock, newer_than, newest, open_jobs
from imagesearch.catalog.jobs.transitions import (
    break_off,
    cancel,
    cancel_all,
    close_listing,
    fail,
    finish,
    listed,
    pause,
    planned,
    reached,
    reopen,
    resume,
    stalled,
)

__all__ = [
    "IdempotencyKey",
    "Job",
    "KeyTaken",
    "NewJob",
    "break_off",
    "by_key",
    "cancel",
    "cancel_all",
    "close_listing",
    "create",
    "fail",
    "finish",
    "get",
    "listed",
    "lock",
    "newer_than",
    "newest",
    "open_jobs",
    "pause",
    "planned",
    "reached",
    "reopen",
    "resume",
    "stalled",
]
