"""Lock a reindex build: one transaction at a time fills it, and only while it may be filled."""

from __future__ import annotations

from dataclasses import dataclass

from imagesearch.catalog import collections, jobs
from imagesearch.catalog.collections import Collection
from imagesearch.catalog.engine import Transaction
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.reindex.builds import ReindexBuild


@dataclass(frozen=True, slots=True)
class LockedBuild:
    """Hold what one transaction on a build works with."""

    job: jobs.Job
    build: ReindexBuild
    collection: Collection


def lock_build(tx: Transaction, job_id: str) -> LockedBuild | None:
    """Lock the build of a job until the transaction ends; None where nothing may be done to it now.

    Locks are taken in the order of everybody else: collection, build, and the job when it is counted.
    """
    collection = collections.lock_shared(tx, jobs.get(tx, job_id).collection_id)
    build = builds.lock(tx, job_id)
    job = jobs.get(tx, job_id)
    is_wanted = job.state.is_working and job.error is None and collection.state == "active"
    if build is None or not build.is_building or not is_wanted:
        return None
    return LockedBuild(job, build, collection)


def works_on_build(tx: Transaction, job: jobs.Job) -> bool:
    """Tell whether a job is about its build; once it has been switched to, the rest is planned like any list."""
    build = builds.get(tx, job.id) if job.kind == jobs.REINDEX else None
    return build is not None and build.state != builds.SWITCHED
