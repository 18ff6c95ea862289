"""`imagesearch admin`: what an operator runs by hand."""

from __future__ import annotations

import click

from imagesearch_client.command.keys import keys
from imagesearch_client.command.output import print_json, print_table
from imagesearch_client.command.root import Session


@click.group()
def admin() -> None:
    """Look after the system."""


admin.add_command(keys)


@admin.command()
@click.option("--dry-run", is_flag=True, help="Only compare; repair nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def reconcile(session: Session, dry_run: bool, as_json: bool) -> None:
    """Compare catalogue, vectors and queues, and repair what a crash left behind."""
    outcome = session.client.reconcile(dry_run)
    if as_json:
        print_json(outcome)
        return
    findings = [(each.kind, each.count, each.detail) for each in outcome.findings if each.count]
    if not findings:
        click.echo("Nothing to repair.")
        return
    print_table(session.console, ("finding", "count", "detail"), findings)
    if outcome.dry_run:
        click.echo("Nothing was changed: this was a dry run.")


@admin.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor(session: Session, as_json: bool) -> None:
    """Say what is wrong with the system, as the API sees it, and what to do."""
    report = session.client.doctor()
    if as_json:
        print_json(report)
    else:
        lines = [(each.verdict, each.subject, each.found, each.todo) for each in report.diagnoses]
        print_table(session.console, ("verdict", "subject", "found", "what to do"), lines)
    if not report.healthy:
        raise click.exceptions.Exit(1)
