"""`imagesearch info`: what the running system says about itself."""

from __future__ import annotations

import click

from imagesearch_client.command.answers import json_option
from imagesearch_client.command.output import print_facts
from imagesearch_client.command.root import Session


@click.command()
@json_option
@click.pass_obj
def info(session: Session, as_json: bool) -> None:
    """Show versions, weights, fingerprint and counts of the running system."""
    everything = dict(session.client.info().everything)
    if as_json:
        session.answers.print()
    else:
        print_facts(everything)
