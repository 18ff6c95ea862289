"""Make the columns that tables are built of, and find those of a record."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


class Word(sa.TypeDecorator[StrEnum]):
    """Store a member of an enum as text, and read it as the member; any other text is an error."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Return the text of a member."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:
        """Return the member of a text."""
        return None if value is None else self.words(value)


def identity() -> sa.Column[int]:
    """Return a primary key that Postgres counts up."""
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def now(name: str) -> sa.Column[datetime]:
    """Return a column that holds when its row was written."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def moment(name: str) -> sa.Column[datetime]:
    """Return a column that holds when something happened; NULL before it does."""
    return sa.Column(name, sa.DateTime(timezone=True))


def count(name: str) -> sa.Column[int]:
    """Return a column that counts from 0."""
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def json(name: str) -> sa.Column[dict[str, object]]:
    """Return a column that holds an object, empty at first."""
    return sa.Column(name, JSONB, nullable=False, server_default="{}")


def word(name: str, words: type[StrEnum], first: StrEnum | None = None) -> sa.Column[StrEnum]:
    """Return a column that holds a member of an enum, `first` unless another one is given."""
    return sa.Column(name, Word(words), nullable=False, server_default=first and first.value)


def one_of(name: str, words: type[StrEnum]) -> sa.CheckConstraint:
    """Return the constraint that a column holds a member of an enum; a new member needs a migration."""
    return sa.CheckConstraint(f"{name} IN ({', '.join(repr(each.value) for each in words)})", name=name)


class Record(Protocol):
    """Be a dataclass whose fields are named like columns."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


def columns_of(
    table: sa.Table, record: type[Record], **others: sa.ColumnElement[Any]
) -> list[sa.ColumnElement[Any]]:
    """Return the columns that a record is read from, in the order of its fields.

    Args:
        table: where the fields lie.
        record: a dataclass.
        others: what fields are read from that the table has under another name, or not at all.
    """
    return [others[name].label(name) if name in others else table.c[name] for name in record.__dataclass_fields__]
