"""A tenancy reaches what it is bound to, and says no without a look at what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagesearch.access.grants import checked_key
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import EVERYTHING, Tenancy
from imagesearch.errors import Forbidden
from imagesearch.files.roots import Roots

ANNA = Tenancy(("cats",), "anna", ("/photos/anna",))
LIBRARY = Roots((Path("/photos"), Path("/more")), Path("/uploads"))


def test_without_bounds_everything_is_reached() -> None:
    assert not EVERYTHING.is_bound
    assert EVERYTHING.holds_collection("dogs")
    assert EVERYTHING.holds_partition("anna")
    assert EVERYTHING.partition_of(None) is None
    assert EVERYTHING.partition_of("ben") == "ben"
    assert EVERYTHING.roots_within(LIBRARY) == LIBRARY
    EVERYTHING.require_names()
    EVERYTHING.require_name("dogs")


def test_bounds_are_all_that_is_reached() -> None:
    assert ANNA.is_bound
    assert [ANNA.holds_collection(name) for name in ("cats", "dogs", "")] == [True, False, False]
    assert [ANNA.holds_partition(name) for name in ("anna", "ben", "")] == [True, False, False]
    assert ANNA.partition_of(None) == "anna"
    assert ANNA.partition_of("anna") == "anna"
    for other in ("ben", ""):
        with pytest.raises(Forbidden):
            ANNA.partition_of(other)
    with pytest.raises(Forbidden):
        ANNA.require_name("dogs")


@pytest.mark.parametrize(
    ("tenancy", "whole", "names"),
    [
        (Tenancy(("cats",)), True, False),
        (Tenancy(partition="anna"), False, False),
        (Tenancy(roots=("/photos",)), True, True),
    ],
)
def test_what_concerns_all_needs_a_key_without_that_bound(tenancy: Tenancy, whole: bool, names: bool) -> None:
    for check, is_allowed in ((tenancy.require_whole_collections, whole), (tenancy.require_names, names)):
        if is_allowed:
            check()
        else:
            with pytest.raises(Forbidden):
                check()


@pytest.mark.parametrize(
    ("bounds", "left"),
    [
        (("/photos/anna",), ("/photos/anna",)),
        (("/photos",), ("/photos",)),
        (("/",), ("/photos", "/more")),
        (("/photos/anna", "/more"), ("/photos/anna", "/more")),
        (("/elsewhere",), ()),
        (("/photosanna",), ()),
        (("/uploads",), ()),
    ],
)
def test_roots_are_narrowed_and_never_widened(bounds: tuple[str, ...], left: tuple[str, ...]) -> None:
    found = Tenancy(roots=bounds).roots_within(LIBRARY)
    assert found.allowed == tuple(map(Path, left))
    assert found.uploads == LIBRARY.uploads


def test_tenancies_that_differ_have_other_digests() -> None:
    different = [
        EVERYTHING,
        ANNA,
        Tenancy(("a", "b")),
        Tenancy(("ab",)),
        Tenancy(partition="a"),
        Tenancy(roots=("a",)),
    ]
    assert len({tenancy.digest for tenancy in different}) == len(different)
    assert Tenancy(("cats",), "anna", ("/photos/anna",)).digest == ANNA.digest


@pytest.mark.parametrize(
    ("scope", "bounds", "field"),
    [
        (Scope.ADMIN, Tenancy(("cats",)), "scope"),
        (Scope.READ, Tenancy(partition=""), "partition"),
        (Scope.READ, Tenancy(roots=("/photos",)), "source_roots"),
        (Scope.READ, Tenancy(("cats",), roots=("photos",)), "source_roots"),
        (Scope.READ, Tenancy(()), "collections"),
    ],
)
def test_a_key_whose_bounds_would_not_hold_is_not_made(scope: Scope, bounds: Tenancy, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        checked_key("name", scope, bounds)
    assert checked_key("name", Scope.WRITE, ANNA) == "name"
