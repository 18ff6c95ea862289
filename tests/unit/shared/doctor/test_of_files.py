"""What the doctor says of directories."""

from __future__ import annotations

from pathlib import Path

from imagesearch.doctor.diagnosis import Verdict
from imagesearch.doctor.of_files import examine_files
from imagesearch.files.roots import Roots


def test_a_root_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    full, empty = tmp_path / "full", tmp_path / "empty"
    for folder in (full / "photos", empty):
        folder.mkdir(parents=True)
    found = examine_files(Roots((full, empty, tmp_path / "gone"), tmp_path / "uploads"))
    assert [one.verdict for one in found[:3]] == [Verdict.OK, Verdict.PROBLEM, Verdict.PROBLEM]
    assert {one.subject for one in found[3:]} == {
        f"uploads {tmp_path / 'uploads'}",
        f"disk of {tmp_path / 'uploads'}",
    }


def test_no_root_at_all_is_a_problem() -> None:
    (only,) = examine_files(Roots())
    assert only.verdict is Verdict.PROBLEM
    assert str(only) == "problem image roots: none. Set IMAGE_ROOTS: no directory can be indexed."
