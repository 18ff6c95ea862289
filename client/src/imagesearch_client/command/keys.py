"""`imagesearch admin keys`: make, list and revoke API keys."""

from __future__ import annotations

import click

from imagesearch_client.command.answers import json_option
from imagesearch_client.command.output import print_table
from imagesearch_client.command.root import Session


@click.group()
def keys() -> None:
    """Make, list and revoke API keys; it takes an admin key."""


@keys.command()
@click.argument("name")
@click.option("--scope", type=click.Choice(["read", "write", "admin"]), default="read", show_default=True)
@click.option("--collection", multiple=True, help="Bind it to this one; may be repeated.")
@click.option("--partition", help="Bind it to this one.")
@click.option(
    "--source-root", multiple=True, help="Bind sources to this directory on the server; may be repeated."
)
@json_option
@click.pass_obj
def make(
    session: Session,
    /,
    *,
    name: str,
    scope: str,
    collection: tuple[str, ...],
    partition: str | None,
    source_root: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a key that people call NAME, and print it alone, this once."""
    made = session.client.make_key(
        name, scope=scope, collections=collection, partition=partition, source_roots=source_root
    )
    click.echo(f"Key {made.id} is made; it is not shown again:", err=True)
    session.tell(made.key, as_json)


@keys.command("list")
@json_option
@click.pass_obj
def list_keys(session: Session, as_json: bool) -> None:
    """List the keys, those that were revoked included."""
    found = session.client.keys()
    if as_json:
        session.answers.print_each(found)
        return
    rows = [
        (
            each.id,
            each.name,
            each.scope,
            _bounds(each.collections),
            each.partition,
            each.created_at,
            each.revoked_at,
        )
        for each in found
    ]
    print_table(session.console, ("id", "name", "scope", "collections", "partition", "created", "revoked"), rows)


@keys.command()
@click.argument("key_id")
@json_option
@click.pass_obj
def revoke(session: Session, key_id: str, as_json: bool) -> None:
    """Have the key KEY_ID, the 16 digits in it, hold no more."""
    revoked = session.client.revoke_key(key_id)
    session.tell(f"Key {revoked.id} ({revoked.name}) is revoked.", as_json)


def _bounds(names: tuple[str, ...] | None) -> str | None:
    return None if names is None else ", ".join(names)
