"""`imagesearch info`: what the running system says about itself."""

from __future__ import annotations

import click

from imagesearch_client.command.output import print_facts, print_json
from imagesearch_client.command.root import Session


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def info(session: Session, as_json: bool) -> None:
    """Show versions, weights, fingerprint and counts of the running system."""
    everything = dict(session.client.info().everything)
    if as_json:
        print_json(everything)
    else:
        print_facts(everything)
