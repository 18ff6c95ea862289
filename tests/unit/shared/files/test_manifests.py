"""Manifests are read line by line, from behind any line, and a bad line costs itself."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import pytest

from imagesearch.errors import SourceRejected
from imagesearch.files.manifests import MAX_LINE_BYTES, Line, Manifest


def read(name: str, data: bytes, offset: int = 0, number: int = 0) -> list[Line]:
    return list(Manifest(Path("/library/lists") / name, io.BytesIO(data)).lines(offset=offset, number=number))


def told(lines: list[Line]) -> list[tuple[int, str, object, object]]:
    return [(line.number, line.path or line.error, line.partition, line.metadata) for line in lines]


JSON_LINES = b"""\xef\xbb\xbf{"path": "a.jpg"}
{"path": "/elsewhere/b.jpg", "partition": "anna", "metadata": {"year": 1999}}

{"path": "../c.jpg", "partition": null, "metadata": {}}
{"path": "last.jpg"}"""

CSV = b"""path,metadata,partition\r
a.jpg,,\r
"with, comma
and line.jpg","{""year"": 1999}",anna\r

/b.jpg,{},bert
"""


def test_json_lines_name_pictures_and_what_each_is_given() -> None:
    assert told(read("a.jsonl", JSON_LINES)) == [
        (1, "/library/lists/a.jpg", None, None),
        (2, "/elsewhere/b.jpg", "anna", {"year": 1999}),
        (4, "/library/lists/../c.jpg", None, {}),
        (5, "/library/lists/last.jpg", None, None),
    ]


def test_rows_of_csv_name_pictures_and_what_each_is_given() -> None:
    assert told(read("a.CSV", CSV)) == [
        (2, "/library/lists/a.jpg", None, None),
        (3, "/library/lists/with, comma\nand line.jpg", "anna", {"year": 1999}),
        (6, "/b.jpg", "bert", {}),
    ]


@pytest.mark.parametrize(("name", "data"), [("a.ndjson", JSON_LINES), ("a.csv", CSV)])
def test_reading_goes_on_behind_any_line(name: str, data: bytes) -> None:
    whole = read(name, data)
    for index, line in enumerate(whole):
        assert read(name, data, line.end, line.last) == whole[index + 1 :]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (b"{", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"[]", "an object"),
        (b'{"file": "a.jpg"}', "an object"),
        (b"{}", "path"),
        (b'{"path": ""}', "path"),
        (b'{"path": 5}', "path"),
        (b'{"path": "a\\u0000b"}', "path"),
        (b'{"path": "\xff.jpg"}', "path"),
        (b'{"path": "a", "partition": 5}', "partition"),
        (b'{"path": "a", "partition": "' + b"x" * 129 + b'"}', "partition"),
        (b'{"path": "a", "metadata": []}', "metadata"),
        (b'{"path": "a", "metadata": {"a": NaN}}', "metadata"),
        (b'{"path": "a", "metadata": {"a": 99999999999999999999}}', "metadata"),
        (b'{"path": "a", "metadata": {"a": "' + b"x" * 20_000 + b'"}}', "metadata"),
        (b'{"path": "' + b"x" * MAX_LINE_BYTES + b'"}', "longer than"),
        (b'{"path": "' + b"x" * 3 * MAX_LINE_BYTES + b'"}', "longer than"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_line_says_why_and_costs_only_itself(bad: bytes, error: str) -> None:
    first, middle, last = read("a.jsonl", b'{"path": "a.jpg"}\n' + bad + b'\n{"path": "b.jpg"}\n')
    assert (first.path, last.path, last.number) == ("/library/lists/a.jpg", "/library/lists/b.jpg", 3)
    assert (middle.path, middle.number) == ("", 2)
    assert error in middle.error


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (b"a,b,c,d", "columns"),
        (b"a.jpg,,{", "metadata"),
        (b"a.jpg,,[1]", "metadata"),
        (b",anna,", "path"),
        (b'"a"b,,', ""),
    ],
)
def test_a_bad_row_says_why_and_costs_only_itself(bad: bytes, error: str) -> None:
    lines = read("a.csv", b"path,partition,metadata\na.jpg,,\n" + bad + b"\nb.jpg,,\n")
    assert [line.path for line in lines] == ["/library/lists/a.jpg", "", "/library/lists/b.jpg"]
    assert lines[1].error
    assert error in lines[1].error


def test_a_quote_that_is_never_closed_ends_in_an_error_not_in_all_memory() -> None:
    rows = b"path\n" + b'"never closed\n' + b"a.jpg\n" * 100_000
    lines = read("a.csv", rows)
    assert lines[0].error
    assert lines[-1].path == "/library/lists/a.jpg"


def test_a_row_of_very_many_lines_ends_in_an_error_not_in_all_memory() -> None:
    """Each line closes a field and opens another, so the row goes on, and no field is long."""
    rows = b"path\n" + b'"\n' + b'","\n' * 200_000 + b"a.jpg\n"
    tracemalloc.start()
    try:
        first = next(Manifest(Path("/library/lists/a.csv"), io.BytesIO(rows)).lines())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "longer than" in first.error
    assert peak < 32 * MAX_LINE_BYTES
    assert read("a.csv", rows, first.end, first.last)[-1].path == "/library/lists/a.jpg"


@pytest.mark.parametrize("number", [b"1" * 100_000, b"0." + b"1" * 100_000, b"1e99999", b"-" + b"9" * 50_000])
def test_a_number_of_very_many_digits_is_refused_or_read_as_what_it_is_near(number: bytes) -> None:
    (line,) = read("a.jsonl", b'{"path": "a.jpg", "metadata": {"a": ' + number + b"}}")
    assert line.error or line.metadata == {"a": 0.1111111111111111}


@pytest.mark.parametrize("header", [b"", b"a.jpg\n", b"path,size\n", b"path,path\n", b"partition\n", b'"path\n'])
def test_a_csv_without_a_right_header_is_rejected(header: bytes) -> None:
    with pytest.raises(SourceRejected):
        read("a.csv", header)


@pytest.mark.parametrize("name", ["a.txt", "a", "a.json", ".csv"])
def test_a_name_must_tell_the_kind(name: str) -> None:
    with pytest.raises(SourceRejected):
        read(name, json.dumps({"path": "a"}).encode())
