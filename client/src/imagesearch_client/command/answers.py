"""What the API answered, as it was sent: `--json` prints that, and nothing that this version makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from imagesearch_client.command.output import print_json
from imagesearch_client.errors import ProtocolError

json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print what the API answers, as it is: a line of JSON, and of a list a line for each item.",
)


class Answers:
    """Keep the last answer, and the items of the page that is being read."""

    def __init__(self) -> None:
        self.last: object = None
        self._items: Iterator[object] = iter(())

    def note(self, value: object) -> None:
        """Take an answer."""
        self.last = value
        items = value.get("items") if isinstance(value, dict) else None
        self._items = iter(items if isinstance(items, list) else ())

    def print(self) -> None:
        """Print the last answer."""
        print_json(self.last)

    def print_each(self, found: Iterable[object]) -> None:
        """Print the items of a list as they are read; `found` is what the client makes of them, page by page."""
        for _ in found:
            try:
                print_json(next(self._items))
            except StopIteration:
                raise ProtocolError("an item is in no page that the API sent") from None
