"""Prints answers: tables for people, tab-separated lines for pipes, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def printable(value: object) -> str:
    """Return a value as one line of text; None is empty.

    File names may hold newlines and escape sequences: what does not print is written as an escape.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))


def print_table(console: Console, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their heads; in a pipe every row is one line, cut at tabs."""
    if not console.is_terminal:
        for row in chain([heads], rows):
            print_row(row)
        return
    table = Table(box=box.SIMPLE_HEAD)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        # Text, not str: brackets in a file name are no markup.
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def print_row(cells: Sequence[object]) -> None:
    """Print a line, cut at tabs, at once."""
    click.echo("\t".join(printable(cell) for cell in cells))


def print_facts(facts: DataclassInstance | dict[str, Any]) -> None:
    """Print one line per field: its name, its value."""
    values = facts if isinstance(facts, dict) else asdict(facts)
    for name, value in values.items():
        if isinstance(value, dict | list):
            shown: object = json.dumps(value, ensure_ascii=False, default=str)
        else:
            shown = value
        click.echo(f"{name}: {printable(shown)}".rstrip())


def print_json(value: object) -> None:
    """Print a value as one line of JSON, at once, for whoever reads along."""
    click.echo(json.dumps(value, ensure_ascii=True))
