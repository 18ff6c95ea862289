"""`imagesearch admin`: what an operator runs by hand."""

from __future__ import annotations

import click

from imagesearch_client.command import exits
from imagesearch_client.command.answers import json_option
from imagesearch_client.command.follow import EXIT_CODES, print_job, report, watch
from imagesearch_client.command.keys import keys
from imagesearch_client.command.output import print_table
from imagesearch_client.command.root import Session


@click.group()
def admin() -> None:
    """Look after the system."""


admin.add_command(keys)


@admin.command()
@click.option("--dry-run", is_flag=True, help="Only compare; repair nothing.")
@json_option
@click.pass_obj
def reconcile(session: Session, dry_run: bool, as_json: bool) -> None:
    """Compare catalogue, vectors and queues, and repair what a crash left behind."""
    outcome = session.client.reconcile(dry_run)
    if as_json:
        session.answers.print()
        return
    findings = [(each.kind, each.count, each.detail) for each in outcome.findings if each.count]
    if not findings:
        click.echo("Nothing to repair.")
        return
    print_table(session.console, ("finding", "count", "detail"), findings)
    if outcome.dry_run:
        click.echo("Nothing was changed: this was a dry run.")


@admin.command("rebuild-vectors")
@click.argument("collections", nargs=-1)
@json_option
@click.pass_obj
def rebuild_vectors(session: Session, collections: tuple[str, ...], as_json: bool) -> None:
    """Read every picture of COLLECTIONS again, one after the other; searches use the old vectors until then.

    For vectors that are not to be trusted: those that are only missing are found by `reconcile`. Without a name,
    every collection is rebuilt. Exits with 1 where one of them was not, and with 2 where some pictures failed.
    """
    names = collections or [each.name for each in session.client.collections()]
    ended = 0
    for name in names:
        job = watch(session, session.client.reindex(name, extract=True).id, session.errors)
        if as_json:
            print_job(session, job)
        else:
            click.echo(f"{name}:")
            report(session, job)
        code = EXIT_CODES.get(job.state, exits.ERROR)
        ended = exits.ERROR if exits.ERROR in (ended, code) else max(ended, code)
    raise click.exceptions.Exit(ended)


@admin.command()
@json_option
@click.pass_obj
def doctor(session: Session, as_json: bool) -> None:
    """Say what is wrong with the system, as the API sees it, and what to do."""
    report = session.client.doctor()
    if as_json:
        session.answers.print()
    else:
        lines = [(each.verdict, each.subject, each.found, each.todo) for each in report.diagnoses]
        print_table(session.console, ("verdict", "subject", "found", "what to do"), lines)
    if not report.healthy:
        raise click.exceptions.Exit(exits.ERROR)
