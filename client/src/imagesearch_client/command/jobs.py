"""`imagesearch jobs` and what one can do with a job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import islice

import click

from imagesearch_client.blocking.client import Client
from imagesearch_client.command.answers import json_option
from imagesearch_client.command.follow import finish
from imagesearch_client.command.output import print_facts, print_table
from imagesearch_client.command.root import Session
from imagesearch_client.jobs import Job
from imagesearch_client.wording import standing


@click.command()
@click.argument("job_id", required=False)
@click.option("--wait", is_flag=True, help="Show the job's progress until it ends; exits as `index` does.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Jobs to list.")
@click.option("--state", "states", multiple=True, help="List only jobs in this state; may be repeated.")
@click.option("--collection", help="List only jobs of this collection.")
@click.option("--since", type=click.DateTime(), help="List only jobs submitted then or later.")
@click.option("--until", type=click.DateTime(), help="List only jobs submitted before.")
@json_option
@click.pass_obj
def jobs(
    session: Session,
    /,
    *,
    job_id: str | None,
    wait: bool,
    limit: int,
    states: tuple[str, ...],
    collection: str | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """List the newest jobs, or show the one with JOB_ID."""
    if job_id is not None:
        if states or collection or since or until:
            raise click.UsageError("--state, --collection, --since and --until are for lists, without a JOB_ID")
        _show(session, job_id, wait, as_json)
        return
    if wait:
        raise click.UsageError("--wait needs a JOB_ID")
    chosen = session.client.jobs(states=states, collection=collection, created_after=since, created_before=until)
    newest = islice(chosen, limit)
    if as_json:
        session.answers.print_each(newest)
        return
    rows = [(job.id, job.collection, job.created_at, standing(job), job.source) for job in newest]
    print_table(session.console, ("id", "collection", "created", "standing", "source"), rows)


def _show(session: Session, job_id: str, wait: bool, as_json: bool) -> None:
    if wait:
        finish(session, job_id, as_json=as_json)
    job = session.client.job(job_id)
    if as_json:
        session.answers.print()
    else:
        print_facts(job)


@click.command()
@click.argument("job_id")
@json_option
@click.pass_obj
def failures(session: Session, job_id: str, as_json: bool) -> None:
    """List every path that a job could not index, and why."""
    found = session.client.failures(job_id)
    if as_json:
        session.answers.print_each(found)
        return
    rows = ((failure.code, failure.path, failure.reason) for failure in found)
    print_table(session.console, ("code", "path", "reason"), rows)


def _control(name: str, summary: str, act: Callable[[Client, str], Job]) -> click.Command:
    @click.command(name, help=summary)
    @click.argument("job_id")
    @json_option
    @click.pass_obj
    def command(session: Session, job_id: str, as_json: bool) -> None:
        job = act(session.client, job_id)
        session.tell(f"Job {job.id}: {standing(job)}", as_json)

    return command


cancel = _control("cancel", "Stop a job within a batch; what is indexed stays.", Client.cancel)
pause = _control("pause", "Let a job finish its batches in hand and then rest.", Client.pause)
resume = _control("resume", "Let a paused job go on.", Client.resume)
retry = _control("retry", "Submit the failed paths of an ended job again.", Client.retry)
