"""An API key is read from its own form alone, shows its secret to nobody, and opens only what keeps its digest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from imagesearch.access.grants import MAX_BOUNDS, checked_key
from imagesearch.access.keys import ApiKey, StoredKey, Token
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import EVERYTHING, Tenancy


def stored(token: Token, revoked_at: datetime | None = None) -> StoredKey:
    key = ApiKey(token.id, "a key", Scope.READ, EVERYTHING, None, datetime.now(UTC), revoked_at)
    return StoredKey(key, token.digest)


def test_a_key_is_read_back_from_its_text() -> None:
    token = Token.new()
    assert Token.parse(token.reveal()) == token
    assert Token.new() != token
    assert len(token.secret) == 43


def test_nothing_shows_a_secret_by_itself() -> None:
    token = Token.new()
    assert token.secret not in f"{token} {token!r} {stored(token)} {stored(token)!r}"
    assert token.digest not in repr(stored(token))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "imagesearch_",
        "imagesearch_0123456789abcdef",
        "imagesearch_0123456789abcdef_" + "a" * 42,
        "imagesearch_0123456789abcdef_" + "a" * 44,
        "imagesearch_0123456789abcdef_" + "a" * 42 + "ä",
        "imagesearch_0123456789ABCDEF_" + "a" * 43,
        "imagesearch_0123456789abcdef_" + "a" * 43 + "\n",
        "Imagesearch_0123456789abcdef_" + "a" * 43,
    ],
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert Token.parse(text) is None


def test_only_the_whole_secret_opens_and_only_until_it_is_revoked() -> None:
    token = Token.new()
    assert stored(token).opens_with(token)
    assert not stored(token).opens_with(Token(token.id, Token.new().secret))
    assert not stored(token, datetime.now(UTC)).opens_with(token)


def test_each_scope_covers_those_before_it() -> None:
    covered = {scope: [needed for needed in Scope if scope.covers(needed)] for scope in Scope}
    assert covered == {
        Scope.READ: [Scope.READ],
        Scope.WRITE: [Scope.READ, Scope.WRITE],
        Scope.ADMIN: [Scope.READ, Scope.WRITE, Scope.ADMIN],
    }


@pytest.mark.parametrize(
    ("name", "scope", "tenancy", "said"),
    [
        ("", Scope.READ, EVERYTHING, "name"),
        ("n" * 101, Scope.READ, EVERYTHING, "name"),
        ("a\x00b", Scope.READ, EVERYTHING, "NUL"),
        ("boss", Scope.ADMIN, Tenancy(("cats",)), "admin"),
        ("boss", Scope.ADMIN, Tenancy(partition="anna"), "admin"),
        ("boss", Scope.ADMIN, Tenancy(roots=("/photos",)), "admin"),
        ("anna", Scope.READ, Tenancy(partition=""), "partition"),
        ("anna", Scope.READ, Tenancy(partition="p" * 129), "128"),
        ("anna", Scope.READ, Tenancy(()), "collections"),
        ("anna", Scope.READ, Tenancy(tuple(map(str, range(MAX_BOUNDS + 1)))), "collections"),
        ("anna", Scope.READ, Tenancy(roots=()), "source_roots"),
        ("anna", Scope.READ, Tenancy(("cats",), roots=("photos",)), "absolute"),
        ("anna", Scope.READ, Tenancy(roots=("/photos",)), "collections or a partition"),
        ("anna", Scope.READ, Tenancy(roots=("/a\x00",)), "NUL"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(name: str, scope: Scope, tenancy: Tenancy, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked_key(name, scope, tenancy)


def test_a_key_that_makes_sense_is_made() -> None:
    assert checked_key("anna", Scope.WRITE, Tenancy(("cats",), "anna", ("/photos",))) == "anna"
    assert checked_key("boss", Scope.ADMIN, EVERYTHING) == "boss"
