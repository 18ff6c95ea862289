"""`imagesearch quotas`: what tenants have, and may have."""

from __future__ import annotations

import click

from imagesearch_client.command.answers import json_option
from imagesearch_client.command.output import print_table
from imagesearch_client.command.root import Session


@click.command()
@json_option
@click.pass_obj
def quotas(session: Session, as_json: bool) -> None:
    """List quotas with what is used of them; the command on the server sets them."""
    found = session.client.quotas()
    if as_json:
        session.answers.print_each(found)
        return
    rows = [
        (
            each.collection or "every",
            each.partition or "every",
            _of(each.images, each.max_images),
            _of(each.bytes, each.max_bytes),
            _of(each.jobs, each.max_jobs),
        )
        for each in found
    ]
    print_table(session.console, ("collection", "partition", "pictures", "bytes", "jobs"), rows)


def _of(used: int, limit: int | None) -> str:
    return f"{used:,}" if limit is None else f"{used:,} of {limit:,}"
