"""Search by many pictures, which may come one after the other: an answer for each, as soon as it is known."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from imagesearch_client.command import exits
from imagesearch_client.command.output import print_json, print_row, printable
from imagesearch_client.command.root import Session
from imagesearch_client.errors import ApiError
from imagesearch_client.queries import Shape

AT_ONCE = 16
"""Pictures of one request, which share a forward pass; whoever sends paths through a pipe waits for so many."""


def run(session: Session, collection: str, pictures: Sequence[str], shape: Shape, *, as_json: bool) -> None:
    """Print what looks like each picture, and end the command with 2 where one cannot be searched by."""
    failed = False
    waiting = named(pictures)
    is_first = True
    while paths := list(islice(waiting, AT_ONCE)):
        for path, answer in _answers(session, collection, paths, shape):
            if isinstance(answer, str):
                failed = True
                click.echo(f"{printable(path)}: {printable(answer)}", err=True)
            elif as_json:
                print_json({"picture": path, **answer})
            else:
                if is_first:
                    print_row(("picture", "distance", "path"))
                is_first = False
                for result in answer["results"]:
                    print_row((path, f"{result['distance']:.6f}", result["path"]))
    if failed:
        raise click.exceptions.Exit(exits.SOME_FAILED)


def named(paths: Iterable[str]) -> Iterator[str]:
    """Yield paths; in place of - those that stdin has, one a line."""
    for path in paths:
        if path == "-":
            # Bytes: a name need not be text.
            for line in sys.stdin.buffer:
                if name := line.rstrip(b"\n"):
                    yield os.fsdecode(name)
        else:
            yield path


def _answers(
    session: Session, collection: str, paths: Sequence[str], shape: Shape
) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """Yield each picture with its answer as the API sent it, or with why there is none."""
    held: list[tuple[str, bytes]] = []
    for path in paths:
        try:
            held.append((path, Path(path).read_bytes()))
        except OSError as error:
            yield path, error.strerror or type(error).__name__
    if not held:
        return
    try:
        session.client.search_many(collection, [data for _, data in held], shape)
    except ApiError as error:
        if not _is_about_a_picture(error):
            raise
        if len(held) == 1:
            yield held[0][0], str(error)
            return
        # One of them is refused, and with it all: each by itself.
        for path, _ in held:
            yield from _answers(session, collection, [path], shape)
        return
    # A batch of one is answered like any other search.
    sent: Any = session.answers.last
    for (path, _), answer in zip(held, sent.get("queries", [sent]), strict=True):
        yield path, {"results": answer["results"]}


def _is_about_a_picture(error: ApiError) -> bool:
    return bool(error.errors) and all(each.field.startswith("image") for each in error.errors)
