"""`imagesearch duplicates` and `imagesearch compare`."""

from __future__ import annotations

from pathlib import Path

import click

from imagesearch_client.blocking.duplicates import DuplicateGroups
from imagesearch_client.command.answers import json_option
from imagesearch_client.command.explanation import explain_option, without_pictures, write_explanation
from imagesearch_client.command.follow import exit_as, report, watch
from imagesearch_client.command.output import print_json, print_table
from imagesearch_client.command.root import Session
from imagesearch_client.errors import ApiError
from imagesearch_client.jobs import Job
from imagesearch_client.pictures import Picture

UNTRAINED = (
    "The network is untrained: all pictures lie near each other to it. Only groups of the kind exact are sure."
)
TOO_LARGE = 409
TOO_LARGE_CODE = "too_many_images"
"""The API's status and code for a collection that is compared in a job only."""


@click.command()
@click.option("--collection", default="default", show_default=True)
@click.option(
    "--max-distance",
    type=click.FloatRange(0, 1),
    help="How far alike pictures may lie apart; by default what the pipeline calls near.",
)
@click.option("--partition", help="Compare only pictures of this user, tenant or album.")
@json_option
@click.pass_obj
def duplicates(
    session: Session, collection: str, max_distance: float | None, partition: str | None, as_json: bool
) -> None:
    """Print groups of pictures that are copies of each other, or nearly.

    A large collection is compared in a job, whose progress is shown.
    """
    try:
        groups = session.client.duplicates(collection, max_distance=max_distance, partition=partition)
        _show(session, groups, as_json)
    except ApiError as error:
        if error.status != TOO_LARGE or error.code not in (None, TOO_LARGE_CODE):
            raise
        job: Job = session.client.find_duplicates(collection, max_distance=max_distance, partition=partition)
        job = watch(session, job.id, session.errors)
        if job.state != "succeeded":
            report(session, job)
            exit_as(job)
        _show(session, session.client.duplicates_of_job(job.id), as_json)


def _show(session: Session, groups: DuplicateGroups, as_json: bool) -> None:
    if as_json:
        session.answers.print_each(groups)
    else:
        rows = [
            (group.id, group.kind, f"{image.distance:.6f}", image.id, image.path)
            for group in groups
            for image in group.images
        ]
        print_table(session.console, ("group", "kind", "distance", "id", "path"), rows)
    if groups.untrained:
        session.errors.print(UNTRAINED, soft_wrap=True)


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--collection", help="Whose pipeline makes them comparable; by default that of an indexed one.")
@explain_option
@json_option
@click.pass_obj
def compare(
    session: Session, /, *, a: str, b: str, collection: str | None, explain: Path | None, as_json: bool
) -> None:
    """Print how far two pictures lie from each other, and whether that is the same, near or similar.

    A and B are files, or ids of indexed pictures; write ./123 for a file whose name is a number. The distance
    is 1 - cosine, in 0..1: smaller is more similar.
    """
    wanted = None if explain is None else "picture"
    comparison = session.client.compare(_side(a, "A"), _side(b, "B"), collection=collection, explain=wanted)
    if explain is not None:
        write_explanation(comparison.regions, explain)
    if as_json:
        print_json(without_pictures(session.answers.last))
        return
    words = [comparison.band, "the same bytes" if comparison.same_content else None]
    said = ", ".join(word for word in words if word is not None)
    click.echo(f"{comparison.distance:.6f}" + (f" ({said})" if said else ""))


def _side(text: str, name: str) -> Picture | int:
    if text.isascii() and text.isdecimal():
        return int(text)
    path = Path(text)
    if not path.is_file():
        raise click.BadParameter(f"{text!r} is neither a file nor an id", param_hint=name)
    return path
