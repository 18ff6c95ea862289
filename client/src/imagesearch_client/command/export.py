"""`imagesearch export`: take a collection out with its vectors."""

from __future__ import annotations

from pathlib import Path

import click

from imagesearch_client.command.answers import json_option
from imagesearch_client.command.follow import EXIT_CODES, exit_as, report, watch
from imagesearch_client.command.root import Session
from imagesearch_client.downloads import download_export
from imagesearch_client.exports import ExportPart


@click.command()
@click.argument("collection")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--partition", help="Export only pictures of this user, tenant or album.")
@click.option(
    "--job", "job_id", help="Fetch what this job exports, in place of a new export: goes on with a download."
)
@json_option
@click.pass_obj
def export(
    session: Session,
    /,
    *,
    collection: str,
    directory: Path,
    partition: str | None,
    job_id: str | None,
    as_json: bool,
) -> None:
    """Write the pictures of COLLECTION with their vectors to Parquet files, and fetch them into DIRECTORY.

    Exits with 2 where vectors are lost: those pictures are named, and are not in the files.
    """
    if job_id is None:
        job_id = session.client.export(collection, partition=partition).id
    elif partition is not None:
        raise click.UsageError("--partition is for a new export, without --job")
    job = watch(session, job_id, session.errors if as_json else session.console)
    if job.state not in EXIT_CODES:
        report(session, job)
        exit_as(job)

    def show(part: ExportPart, of: int) -> None:
        click.echo(f"{directory / part.name}: part {part.number} of {of}, {part.rows} pictures", err=True)

    download_export(session.client, job.id, directory, show)
    made = session.client.export_of_job(job.id)
    if as_json:
        session.answers.print()
    else:
        click.echo(f"{made.rows} pictures with vectors of {made.dimension} numbers are in {directory}.")
        if made.lost:
            report(session, job)
    exit_as(job)
