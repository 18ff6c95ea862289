from __future__ import annotations

from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from imagesearch.catalog.columns import Word, columns_of, one_of, word
from imagesearch.catalog.states import BatchState

TABLE = sa.Table(
    "batches",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True),
    word("state", BatchState, BatchState.READY),
    one_of("state", BatchState),
)


@dataclass
class Batch:
    state: BatchState
    batch_id: int


def test_a_record_is_read_from_its_columns_in_the_order_of_its_fields() -> None:
    query = sa.select(*columns_of(TABLE, Batch, batch_id=TABLE.c.id))
    assert str(query).replace("\n", "") == "SELECT batches.state, batches.id AS batch_id FROM batches"


def test_a_field_that_no_column_is_named_for_is_an_error() -> None:
    with pytest.raises(KeyError, match="batch_id"):
        columns_of(TABLE, Batch)


def test_a_word_is_stored_as_its_text_and_read_as_its_member() -> None:
    states, dialect = Word(BatchState), postgresql.dialect()
    assert type(states.process_bind_param(BatchState.SENT, dialect)) is str
    assert states.process_result_value("sent", dialect) is BatchState.SENT
    assert (states.process_bind_param(None, dialect), states.process_result_value(None, dialect)) == (None, None)


@pytest.mark.parametrize("text", ["lost", "SENT", ""])
def test_a_word_that_is_no_member_is_neither_stored_nor_read(text: str) -> None:
    states, dialect = Word(BatchState), postgresql.dialect()
    with pytest.raises(ValueError, match="BatchState"):
        states.process_bind_param(text, dialect)
    with pytest.raises(ValueError, match="BatchState"):
        states.process_result_value(text, dialect)


def test_the_constraint_names_every_member() -> None:
    made = str(sa.schema.CreateTable(TABLE))
    assert "state IN ('ready', 'sent', 'done', 'cancelled')" in made
    assert "DEFAULT 'ready'" in made
