"""Answers as tables: a data frame of pandas or polars, whichever is there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import ModuleType
from typing import TYPE_CHECKING, Any

from imagesearch_client.errors import ClientError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LIBRARIES = ("pandas", "polars")


def to_dataframe(answers: Iterable[DataclassInstance], library: str | None = None) -> Any:
    """Return answers as a data frame, one row each, with a column for each field.

    Metadata becomes a column ``metadata.NAME`` for each name.

    Args:
        answers: such as results, or what an iterator over pages yields; all of one kind.
        library: ``pandas`` or ``polars``; unless given, the one that is imported already, else whichever is there.

    Raises:
        ClientError: there is neither.

    Example:
        >>> frame = to_dataframe(client.images("photos"), "pandas")
        >>> frame[["id", "metadata.year"]].values.tolist()
        [[1, 2020], [2, 2020], [3, 2020]]
    """
    frames = _library(library)
    rows = [_row(answer) for answer in answers]
    names = {name: None for row in rows for name in row}
    columns = {name: [row.get(name) for row in rows] for name in names}
    if frames.__name__ == "polars":
        # Metadata may hold a number here and a text there.
        return frames.DataFrame(columns, strict=False)
    return frames.DataFrame(columns)


def _row(answer: DataclassInstance) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in fields(answer):
        value = getattr(answer, field.name)
        if field.name == "metadata" and isinstance(value, Mapping):
            row |= {f"metadata.{name}": each for name, each in value.items()}
        else:
            row[field.name] = list(value) if isinstance(value, tuple) else value
    return row


def _library(name: str | None) -> ModuleType:
    if name is not None and name not in LIBRARIES:
        raise ClientError(f"library is {' or '.join(LIBRARIES)}, not {name!r}")
    wanted = [name] if name is not None else sorted(LIBRARIES, key=lambda each: each not in sys.modules)
    for each in wanted:
        try:
            return importlib.import_module(each)
        except ModuleNotFoundError as error:
            if error.name != each:
                raise
    raise ClientError(f"a data frame needs {' or '.join(wanted)}: pip install {wanted[0]}")
