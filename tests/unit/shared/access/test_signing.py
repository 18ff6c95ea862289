"""A signature holds for what was signed, by any secret that still counts."""

from __future__ import annotations

import pytest

from imagesearch.access.signing import is_signed, signature

OLD, NEW = b"o" * 32, b"n" * 32


def test_what_was_signed_holds() -> None:
    assert is_signed([NEW, OLD], signature(OLD, "file", 7), "file", 7)
    assert is_signed([NEW, OLD], signature(NEW, "file", 7), "file", 7)


@pytest.mark.parametrize("parts", [("file", 8), ("thumbnail", 7), ("file7",), ("file", 7, ""), ("", "file", 7)])
def test_anything_else_does_not(parts: tuple[object, ...]) -> None:
    assert not is_signed([NEW], signature(NEW, "file", 7), *parts)


@pytest.mark.parametrize("given", ["", "ä", "\ud800", "A" * 43])
def test_junk_is_no_signature(given: str) -> None:
    assert not is_signed([NEW], given, "file", 7)


def test_nothing_holds_without_its_secret() -> None:
    assert not is_signed([NEW], signature(OLD, "file", 7), "file", 7)
    assert not is_signed([], signature(OLD, "file", 7), "file", 7)
