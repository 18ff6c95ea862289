"""The option that asks for facts of photos, which several commands have."""

from __future__ import annotations

import click

facts_option = click.option(
    "--fact",
    "facts",
    multiple=True,
    type=click.Choice(["taken", "camera", "orientation", "place"]),
    help="Metadata from the EXIF of each picture; may be repeated. The place tells where people live.",
)
