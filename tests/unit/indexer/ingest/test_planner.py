"""What planning makes of a listed file, decided without a store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imagesearch.catalog.constants import MAX_PATH_BYTES
from imagesearch.catalog.jobs.ledger import Item
from imagesearch.catalog.labels import NO_LABELS, Labels
from imagesearch.contract import Outcome
from imagesearch.failures import FailureCode
from imagesearch.files.walk import Entry
from imagesearch.photo_facts import Fact
from imagesearch_indexer.ingest.planner import found_out, storable
from imagesearch_indexer.ingest.source import Listed
from support.records import image_record

SAME = Entry("/library/7.jpg", 10, 20)
"""The file of `image_record(7)` as it was indexed."""


def listed(entry: Entry) -> Listed:
    return Listed(entry, entry.path, "cursor")


@pytest.mark.parametrize(
    ("entry", "state", "labels", "outcome"),
    [
        pytest.param(SAME, "indexed", NO_LABELS, "unchanged", id="as it was"),
        pytest.param(replace(SAME, size_bytes=11), "indexed", NO_LABELS, None, id="another size"),
        pytest.param(replace(SAME, mtime_ns=21), "indexed", NO_LABELS, None, id="another time"),
        pytest.param(SAME, "indexed", Labels(""), "unchanged", id="the partition it has"),
        pytest.param(SAME, "indexed", Labels("cats"), None, id="another partition"),
        pytest.param(SAME, "indexed", Labels(None, {}), "unchanged", id="the metadata it has"),
        pytest.param(SAME, "indexed", Labels(None, {"year": 1}), None, id="other metadata"),
        pytest.param(SAME, "pending", NO_LABELS, None, id="never indexed"),
        pytest.param(SAME, "failed", NO_LABELS, None, id="failed before"),
    ],
)
def test_a_file_is_extracted_unless_it_is_as_it_was_indexed(
    entry: Entry, state: str, labels: Labels, outcome: str | None
) -> None:
    row = image_record(7, state, size_bytes=10, mtime_ns=20)
    found = found_out(listed(entry), row, labels)
    assert (found and str(found.code or found.outcome)) == outcome


def test_a_file_of_which_less_is_known_than_is_asked_is_read_again() -> None:
    row = image_record(7, size_bytes=10, mtime_ns=20, metadata={"exif.camera": None})
    assert found_out(listed(SAME), row, NO_LABELS, [Fact.CAMERA]) is not None
    assert found_out(listed(SAME), row, NO_LABELS, [Fact.CAMERA, Fact.TAKEN]) is None


@pytest.mark.parametrize("code", [FailureCode.FORBIDDEN, FailureCode.NOT_A_FILE, FailureCode.INVALID_LINE])
def test_a_path_that_cannot_be_read_fails_with_the_reason_of_its_listing(code: FailureCode) -> None:
    found = found_out(listed(Entry("/library/7.jpg", 0, 0, code, "because")), None, NO_LABELS)
    assert found == Item("/library/7.jpg", outcome=Outcome.FAILED, code=code, reason="because")


def test_a_path_that_has_no_row_fails_also_without_a_reason() -> None:
    found = found_out(listed(SAME), None, NO_LABELS)
    assert found is not None
    assert found.code is FailureCode.IO_ERROR


def of_bytes(count: int) -> str:
    return "/" + "ä" * ((count - 1) // 2) + "a" * ((count - 1) % 2)


def test_a_path_that_fits_stays_as_it_is() -> None:
    fits = listed(Entry(of_bytes(MAX_PATH_BYTES), 10, 20))
    assert storable(fits) is fits


def test_a_path_that_is_too_long_fails_under_a_name_that_fits_and_is_its_own() -> None:
    first, second = of_bytes(MAX_PATH_BYTES + 1), of_bytes(MAX_PATH_BYTES + 1) + "b"
    names = set()
    for path in (first, second):
        short = storable(listed(Entry(path, 10, 20)))
        assert len(short.name.encode()) <= MAX_PATH_BYTES
        assert (short.entry.path, short.entry.failure) == (short.name, FailureCode.UNSUPPORTED_NAME)
        names.add(short.name)
    assert len(names) == 2


def test_the_name_of_a_link_to_a_path_that_is_too_long_is_kept() -> None:
    short = storable(Listed(Entry(of_bytes(MAX_PATH_BYTES + 1), 10, 20), "/library/link.jpg", "cursor"))
    assert short.name == "/library/link.jpg"
    assert short.entry.failure is FailureCode.UNSUPPORTED_NAME
