"""Keys, the secrets that sign, and the audit log in a real Postgres, also by the command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from imagesearch import admin
from imagesearch.access.keys import Token
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import EVERYTHING, Tenancy
from imagesearch.catalog import api_keys, audit, collections, names, signing_secrets
from imagesearch.catalog.engine import Catalog
from imagesearch.errors import Conflict, KeyRevoked, NotFound
from support.plans import plan_of, rows_read

pytestmark = pytest.mark.integration


def made(catalog: Catalog, tenancy: Tenancy = EVERYTHING, scope: Scope = Scope.READ) -> Token:
    token = Token.new()
    with catalog.transaction() as tx:
        api_keys.create(tx, token, "a key", scope, tenancy, by=None)
    return token


def actions(catalog: Catalog) -> list[str]:
    with catalog.reading() as tx:
        return [event.action for event in audit.listing(tx, limit=100)]


def test_a_key_comes_back_as_it_was_made_and_its_secret_does_not(catalog: Catalog) -> None:
    tenancy = Tenancy(("cats", "dogs"), "anna", ("/photos",))
    token = made(catalog, tenancy, Scope.WRITE)
    with catalog.reading() as tx:
        found = api_keys.find(tx, token.id)
        rows = tx.execute(sa.text("SELECT row_to_json(k)::text FROM api_keys k")).scalars().all()
    assert found is not None
    assert (found.key.scope, found.key.tenancy) == (Scope.WRITE, tenancy)
    assert found.opens_with(token)
    assert token.secret not in "".join(rows)


def test_a_revoked_key_opens_nothing_and_stays_in_the_list(catalog: Catalog) -> None:
    token, admin_key = made(catalog), made(catalog, scope=Scope.ADMIN)
    with catalog.transaction() as tx:
        first = api_keys.revoke(tx, token.id, by=admin_key.id)
        again = api_keys.revoke(tx, token.id, by=admin_key.id)
    assert first.revoked_at == again.revoked_at is not None
    with catalog.reading() as tx:
        found = api_keys.find(tx, token.id)
        assert found is not None
        assert not found.opens_with(token)
        assert {key.id for key in api_keys.listing(tx, after="", limit=10)} == {token.id, admin_key.id}
        with pytest.raises(NotFound):
            api_keys.revoke(tx, "0" * 16, by=None)
    assert actions(catalog) == ["key_revoked", "key_made", "key_made"]


def test_by_a_key_the_last_admin_key_is_not_revoked_and_by_the_command_it_is(catalog: Catalog) -> None:
    first, second = (made(catalog, scope=Scope.ADMIN) for _ in range(2))
    with catalog.transaction() as tx:
        api_keys.revoke(tx, first.id, by=second.id)
        with pytest.raises(Conflict, match="last admin key"):
            api_keys.revoke(tx, second.id, by=second.id)
        # One that was revoked before is no reason to keep anything.
        assert api_keys.revoke(tx, first.id, by=second.id).revoked_at
        assert api_keys.revoke(tx, second.id, by=None).revoked_at


def test_two_admins_that_revoke_one_another_leave_one(catalog: Catalog) -> None:
    tokens = [made(catalog, scope=Scope.ADMIN) for _ in range(2)]

    def revoke(mine: Token, other: Token) -> bool:
        try:
            with catalog.transaction() as tx:
                api_keys.revoke(tx, other.id, by=mine.id)
        except (Conflict, KeyRevoked):
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(revoke, tokens, tokens[::-1])) == [False, True]


def test_by_a_key_that_was_revoked_nothing_is_made_or_revoked(catalog: Catalog) -> None:
    gone, other = (made(catalog, scope=Scope.ADMIN) for _ in range(2))
    with catalog.transaction() as tx:
        api_keys.revoke(tx, gone.id, by=None)
    for change in (
        lambda tx: api_keys.create(tx, Token.new(), "late", Scope.READ, EVERYTHING, by=gone.id),
        lambda tx: api_keys.revoke(tx, other.id, by=gone.id),
    ):
        with pytest.raises(KeyRevoked), catalog.transaction() as tx:
            change(tx)
    assert actions(catalog) == ["key_revoked", "key_made", "key_made"]


def test_keys_are_listed_page_by_page(catalog: Catalog) -> None:
    expected = sorted(made(catalog).id for _ in range(5))
    found: list[str] = []
    with catalog.reading() as tx:
        while page := api_keys.listing(tx, after=found[-1] if found else "", limit=2):
            found += [key.id for key in page]
    assert found == expected


def test_a_key_follows_its_collection_to_another_name(catalog: Catalog) -> None:
    bound, other = made(catalog, Tenancy(("cats", "dogs"))), made(catalog, Tenancy(("dogs",)))
    with catalog.transaction() as tx:
        collection, _ = collections.create(tx, "cats")
        names.rename(tx, collection.id, "lions")
    with catalog.reading() as tx:
        found = [api_keys.find(tx, token.id) for token in (bound, other)]
    assert [one.key.tenancy.collections for one in found if one] == [("lions", "dogs"), ("dogs",)]


def test_what_is_rolled_back_is_not_in_the_log(catalog: Catalog) -> None:
    token = made(catalog)
    with pytest.raises(IntegrityError), catalog.transaction() as tx:
        [api_keys.create(tx, one, "a key", Scope.READ, EVERYTHING, by=None) for one in (Token.new(), token)]
    assert actions(catalog) == ["key_made"]


def test_old_events_are_removed_in_slices(catalog: Catalog) -> None:
    for _ in range(5):
        made(catalog)
    with catalog.transaction() as tx:
        tx.execute(sa.text("UPDATE audit_events SET at = now() - interval '91 days' WHERE id <= 3"))
        age = timedelta(days=90)
        assert [audit.count_older(tx, age, most=most) for most in (2, 10)] == [2, 3]
        assert [audit.remove_older(tx, age, limit=2) for _ in range(3)] == [2, 1, 0]
        assert [event.id for event in audit.listing(tx, limit=10)] == [5, 4]
        assert [event.id for event in audit.listing(tx, limit=10, before=5)] == [4]


def test_removing_old_events_reads_only_those(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.exec_driver_sql(
            "INSERT INTO audit_events (action, at) SELECT 'key_made', now() - (50000 - n) * interval '1 second' "
            "FROM generate_series(1, 50000) AS n"
        )
        tx.exec_driver_sql("ANALYZE audit_events")
        for age, expected in ((timedelta(days=365), 0), (timedelta(seconds=25_000), 1_000)):
            plan = plan_of(tx, audit.removal(age, limit=1_000))
            assert "ix_audit_events_at" in str(plan)
            assert max(rows_read(plan)) == expected


def test_a_secret_is_made_once_and_a_new_one_signs_when_everybody_knows_it(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        assert signing_secrets.current(tx) == []
        signing_secrets.ensure(tx, b"first")
        signing_secrets.ensure(tx, b"second")
        assert signing_secrets.current(tx) == [b"first"]
        signing_secrets.rotate(tx, b"new", at_once=False, by=None)
        # It is taken already from whoever is a little ahead.
        assert signing_secrets.current(tx) == [b"first", b"new"]
        tx.execute(sa.text("UPDATE signing_secrets SET signs_from = signs_from - interval '3 minutes'"))
        assert signing_secrets.current(tx) == [b"new", b"first"]
        tx.execute(sa.text("UPDATE signing_secrets SET signs_from = signs_from - interval '1 day'"))
        assert signing_secrets.current(tx) == [b"new"]
        signing_secrets.rotate(tx, b"newest", at_once=True, by=None)
        assert signing_secrets.current(tx) == [b"newest"]


@pytest.fixture
def command(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    with catalog.reading() as tx:
        url = tx.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url)
    with capture_logs():
        yield catalog


def test_the_command_makes_lists_and_revokes(command: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    bounds = ["--collection", "cats", "--partition", "anna", "--source-root", "/tmp/../tmp/anna"]  # noqa: S108
    assert admin.main(["keys", "make", "anna's", "--scope", "write", *bounds]) == 0
    shown = capsys.readouterr()
    token = Token.parse(shown.out.strip())
    assert token is not None
    assert token.secret not in shown.err
    assert admin.main(["keys", "list"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert token.secret not in line
    assert token.digest not in line
    listed = json.loads(line)
    assert (listed["id"], listed["name"], listed["scope"]) == (token.id, "anna's", "write")
    assert (listed["collections"], listed["partition"]) == (["cats"], "anna")
    assert re.fullmatch(r"/.*tmp/anna", listed["source_roots"][0])
    assert admin.main(["keys", "revoke", token.id]) == 0
    assert json.loads(capsys.readouterr().out)["revoked_at"]
    assert admin.main(["audit", "list"]) == 0
    assert [json.loads(line)["action"] for line in capsys.readouterr().out.splitlines()] == [
        "key_revoked",
        "key_made",
    ]
    assert admin.main(["secrets", "rotate"]) == 0


def test_what_the_command_cannot_do_is_one_line(command: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    assert admin.main(["keys", "revoke", "0" * 16]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert admin.main(["keys", "make", "boss", "--scope", "admin", "--partition", "anna"]) == 1
    assert "admin" in capsys.readouterr().err
    assert actions(command) == []
