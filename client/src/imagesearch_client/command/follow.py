"""Waits for a job in front of a person, says how it ended, and turns that into an exit code."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice

import click
from rich.console import Console

from imagesearch_client.command.exits import DONE, ERROR, INTERRUPTED, SOME_FAILED
from imagesearch_client.command.output import printable
from imagesearch_client.command.root import Session
from imagesearch_client.display import show_progress
from imagesearch_client.jobs import Job, JobFailure
from imagesearch_client.wording import summary

EXIT_CODES = {"succeeded": DONE, "completed_with_failures": SOME_FAILED}
"""Every other end of a job is 1."""
FAILURES_READ = 200
FAILURES_SHOWN = 3
"""Per code: enough to see what is wrong; `imagesearch failures` lists all."""


def watch(session: Session, job_id: str, console: Console) -> Job:
    """Show a job's progress until it has ended; on Ctrl-C leave it running and say so."""
    try:
        return show_progress(session.client, job_id, console)
    except KeyboardInterrupt:
        click.echo(
            f"Job {job_id} goes on without this command. Look again with:"
            f" {session.invocation} jobs {job_id} --wait\n"
            f"Stop it with: {session.invocation} cancel {job_id}",
            err=True,
        )
        raise click.exceptions.Exit(INTERRUPTED) from None


def follow(session: Session, job: Job, *, wait: bool, as_json: bool) -> None:
    """Follow a job that has just been submitted, unless nobody waits for it, and end the command as it ends."""
    if not wait:
        follow_it = f"Follow it with: {session.invocation} jobs {job.id} --wait"
        session.tell(f"Job {job.id} is {job.state}. {follow_it}", as_json)
        return
    finish(session, job.id, as_json=as_json)


def finish(session: Session, job_id: str, *, as_json: bool) -> None:
    """See a job through, say how it ended, and end the command as it did."""
    job = watch(session, job_id, session.errors)
    if as_json:
        print_job(session, job)
    else:
        report(session, job)
    exit_as(job)


def print_job(session: Session, job: Job) -> None:
    """Print a job as the API has it; what followed it has seen events."""
    session.client.job(job.id)
    session.answers.print()


def report(session: Session, job: Job) -> None:
    """Print how a job ended, with its first failures."""
    failed = job.state not in EXIT_CODES
    click.echo(printable(summary(job)), err=failed)
    if job.failed:
        _report_failures(session, job)


def exit_as(job: Job) -> None:
    """End the command: 0 for plain success, 2 where some pictures failed, 1 for any other end."""
    raise click.exceptions.Exit(EXIT_CODES.get(job.state, ERROR))


def _report_failures(session: Session, job: Job) -> None:
    by_code: defaultdict[str, list[JobFailure]] = defaultdict(list)
    for failure in islice(session.client.failures(job.id), FAILURES_READ):
        by_code[failure.code].append(failure)
    whole = "" if job.failed <= FAILURES_READ else f" of the first {FAILURES_READ}"
    for code, failures in sorted(by_code.items()):
        click.echo(f"  {printable(code)}: {len(failures)}{whole}", err=True)
        for failure in failures[:FAILURES_SHOWN]:
            click.echo(f"    {printable(failure.path)}: {printable(failure.reason)}", err=True)
    if job.failed > sum(len(failures[:FAILURES_SHOWN]) for failures in by_code.values()):
        click.echo(f"  All of them: {session.invocation} failures {job.id}", err=True)
