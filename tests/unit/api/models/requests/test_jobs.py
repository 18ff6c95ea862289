"""What is wrong with a job's source is told by the name of the field, of the kind that was meant."""

from __future__ import annotations

from typing import Any

import pytest

from imagesearch.photo_facts import Fact
from imagesearch_api.http.bodies import checked
from imagesearch_api.http.fields import BadFields
from imagesearch_api.models.requests.jobs import JobBody, ManifestFile, PathList


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("", ["source"]),
        ("/a\0", ["source"]),
        (None, ["source"]),
        (7, ["source"]),
        ([], ["source"]),
        ({}, ["source.paths"]),
        ({"paths": []}, ["source.paths"]),
        ({"paths": ["/a", "/a\0"]}, ["source.paths[1]"]),
        ({"paths": ["/a"], "manifest": "/b.csv"}, ["source.paths"]),
        ({"manifest": 1}, ["source.manifest"]),
        ({"manifest": "/b.csv", ":x": 1}, ["source"]),
    ],
)
def test_errors_name_fields_and_nothing_of_how_they_are_checked(source: Any, fields: list[str]) -> None:
    with pytest.raises(BadFields) as caught:
        checked(JobBody, {"source": source})
    assert [field for field, _ in caught.value.fields] == fields
    assert " at 0x" not in str(caught.value)


def test_each_kind_of_source_is_told_from_the_others() -> None:
    assert checked(JobBody, {"source": "/library"}).source == "/library"
    assert checked(JobBody, {"source": {"paths": ["/a"]}}).source == PathList(paths=["/a"])
    assert checked(JobBody, {"source": {"manifest": "/m.csv"}}).source == ManifestFile(manifest="/m.csv")


def test_facts_are_named_once_and_a_rule_is_checked() -> None:
    body = {"source": "/library", "facts": ["taken", "camera"], "metadata_from_path": "{year:int}/{key}.jpg"}
    found = checked(JobBody, body)
    assert found.facts == [Fact.CAMERA, Fact.TAKEN]
    for wrong, field in (
        ({"facts": ["iso"]}, "facts[0]"),
        ({"facts": ["taken", "taken"]}, "facts"),
        ({"metadata_from_path": "(a+)+"}, "metadata_from_path"),
        ({"metadata_from_path": ""}, "metadata_from_path"),
    ):
        with pytest.raises(BadFields) as caught:
            checked(JobBody, {"source": "/library", **wrong})
        assert [name for name, _ in caught.value.fields] == [field]
