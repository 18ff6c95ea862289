"""What a picture is given: by its line, its path, its job and its file, in this order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from imagesearch.catalog.labels import NO_LABELS, Labels
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import IndexBatch
from imagesearch_indexer.ingest.given import beside_facts, facts_read, given_to
from support.records import answer_record, image_record, job_record

RULE = {"metadata_from_path": "{year:int}/{key}.jpg"}
SAID = {"exif.camera": "old", "exif.taken": None}


@pytest.mark.parametrize(
    ("own", "job", "path", "expected"),
    [
        (NO_LABELS, {}, "/library/2024/a.jpg", Labels(None, {"year": 2024}, "a")),
        (NO_LABELS, {}, "/library/a.jpg", NO_LABELS),
        (NO_LABELS, {}, "/elsewhere/2024/a.jpg", NO_LABELS),
        (
            NO_LABELS,
            {"metadata": {"year": 1, "x": 2}},
            "/library/2024/a.jpg",
            Labels(None, {"year": 1, "x": 2}, "a"),
        ),
        (
            Labels("p", {"year": 3}, "own"),
            {"metadata": {"x": 2}},
            "/library/2024/a.jpg",
            Labels("p", {"year": 3}, "own"),
        ),
        (
            Labels(None, {"z": 3}),
            {"metadata": {"x": 2}},
            "/library/2024/a.jpg",
            Labels(None, {"z": 3, "year": 2024}, "a"),
        ),
        (NO_LABELS, {"directory": None}, "/2024/a.jpg", Labels(None, {"year": 2024}, "a")),
    ],
)
def test_what_a_caller_says_wins_over_what_the_path_says(
    own: Labels, job: dict[str, Any], path: str, expected: Labels
) -> None:
    assert given_to(job_record(options=RULE, **job), path, own) == expected


def test_a_rule_of_a_key_alone_leaves_the_metadata() -> None:
    job = job_record(options={"metadata_from_path": "*/{key}.jpg"})
    assert given_to(job, "/library/2024/a.jpg", NO_LABELS) == Labels(None, None, "a")


@pytest.mark.parametrize(
    ("given", "facts", "expected"),
    [
        (None, None, None),
        (None, {"exif.camera": "new"}, {"x": 1, "exif.camera": "new"}),
        (None, {}, {"x": 1}),
        ({"y": 2}, None, {"y": 2, **SAID}),
        ({"y": 2}, {"exif.camera": "new"}, {"y": 2, "exif.camera": "new"}),
        ({"exif.camera": "mine"}, None, {**SAID, "exif.camera": "mine"}),
        ({"exif.camera": "mine"}, {"exif.camera": "new"}, {"exif.camera": "mine"}),
    ],
)
def test_no_job_takes_the_facts_of_a_file_away(
    given: dict[str, Any] | None, facts: dict[str, Any] | None, expected: dict[str, Any] | None
) -> None:
    row = image_record(7, metadata={"x": 1, **SAID})
    assert beside_facts(job_record(), row, Labels(None, given), facts).metadata == expected


def test_a_change_of_one_picture_takes_facts_away() -> None:
    row = image_record(7, metadata={"x": 1, **SAID})
    job = job_record(origin=JobOrigin.SINGLE_IMAGE)
    assert beside_facts(job, row, Labels(None, {"x": 1})).metadata == {"x": 1}


def answer(*, extracted: dict[str, Any] | None, unchanged: dict[str, Any] | None) -> IndexBatch:
    made = answer_record(extracted=[1], unchanged=[2])
    return replace(
        made,
        images=tuple(replace(each, facts=extracted) for each in made.images),
        unchanged=tuple(replace(each, facts=unchanged) for each in made.unchanged),
    )


def test_facts_of_bytes_that_are_gone_do_not_stay() -> None:
    rows = {1: image_record(1), 2: image_record(2)}
    assert facts_read(answer(extracted=None, unchanged=None), rows) == {1: {}}
    told = {"exif.camera": "x"}
    assert facts_read(answer(extracted=told, unchanged=told), rows) == {1: told, 2: told}
    same = {1: image_record(1, sha256="new digest"), 2: image_record(2)}
    assert facts_read(answer(extracted=None, unchanged=None), same) == {}
    assert facts_read(answer(extracted=None, unchanged=None), {1: image_record(1, "pending")}) == {}
