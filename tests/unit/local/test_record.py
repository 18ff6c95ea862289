from __future__ import annotations

from pathlib import Path

import pytest

from imagesearch_local.layout import Layout
from imagesearch_local.record import Record


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.run.mkdir()
    return made


def test_a_record_is_read_as_it_was_written_and_by_its_owner_only(layout: Layout) -> None:
    record = Record("http://127.0.0.1:5000", {"valkey": 20_001}, ("/photos",), "random:7", ("api",))
    record.write(layout)
    assert Record.read(layout) == record
    assert layout.record.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"ports": 3}'])
def test_a_record_that_was_cut_off_counts_as_none(layout: Layout, text: str) -> None:
    layout.record.write_text(text)
    assert Record.read(layout) == Record()
