"""What docs/architecture.md points at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "architecture.md").read_text()
FOLDERS = ("shared", "services", "client", "deploy", "docs", "bench")


def named() -> list[str]:
    """Return the files and folders in the second column of the page's tables."""
    rows = re.findall(r"^\|[^|]+\|([^|]+)\|$", PAGE, re.MULTILINE)
    return sorted({path for row in rows for path in re.findall(r"`([\w./]+(?:\.py|\.md|/))`", row)})


def exists(path: str) -> bool:
    """Tell whether some file or folder of the product ends in a path, in which ``...`` leaves folders out."""
    pattern = re.compile("(^|.*/)" + re.escape(path.rstrip("/")).replace(r"\.\.\.", ".+") + "$")
    found = (entry for folder in FOLDERS for entry in (REPOSITORY / folder).rglob("*"))
    return any(pattern.match(entry.relative_to(REPOSITORY).as_posix()) for entry in found)


def test_the_table_of_changes_is_found() -> None:
    assert len(named()) >= 15


@pytest.mark.parametrize("path", named())
def test_a_place_where_a_change_begins_is_there(path: str) -> None:
    assert exists(path)


def test_a_place_that_is_not_there_is_noticed() -> None:
    assert not exists("lifecycle/nowhere.py")
