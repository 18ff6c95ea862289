"""The client and the command make, list and revoke API keys, and show a new one once."""

from __future__ import annotations

import json
from typing import Any

from support.fake_api import FakeApi, Run, ok, problem

ID = "0123456789abcdef"
SECRET = "imagesearch_0123456789abcdef_secret"  # noqa: S105 - made up
SHOWN: dict[str, Any] = {
    "id": ID,
    "name": "web shop",
    "scope": "write",
    "collections": ["cats", "dogs"],
    "partition": None,
    "source_roots": None,
    "created_by": None,
    "created_at": "2025-05-01T10:00:00+00:00",
    "revoked_at": None,
}


def test_a_new_key_is_printed_alone_and_this_once(api: FakeApi, run: Run) -> None:
    api.on("POST", "/api/v2/keys", ok({**SHOWN, "key": SECRET}))
    done = run(
        "admin", "keys", "make", "web shop", "--scope", "write", "--collection", "cats", "--collection", "dogs"
    )
    assert done.stdout == f"{SECRET}\n"
    assert SECRET not in done.stderr
    assert api.sent_json() == {"name": "web shop", "scope": "write", "collections": ["cats", "dogs"]}


def test_a_key_does_not_show_itself(api: FakeApi) -> None:
    api.on("POST", "/api/v2/keys", ok({**SHOWN, "key": SECRET}))
    made = api.client().make_key("web shop")
    assert made.key == SECRET
    assert SECRET not in repr(made)


def test_a_key_is_asked_for_again_under_the_same_idempotency_key(api: FakeApi) -> None:
    api.on("POST", "/api/v2/keys", problem(503, "away"), ok({**SHOWN, "key": SECRET}))
    assert api.client().make_key("web shop").key == SECRET
    assert len({request.headers["Idempotency-Key"] for request in api.requests}) == 1


def test_keys_are_listed_and_revoked(api: FakeApi, run: Run) -> None:
    revoked = {**SHOWN, "revoked_at": "2025-05-02T10:00:00+00:00"}
    api.on("GET", "/api/v2/keys", ok({"items": [SHOWN], "next": None}), ok({"items": [revoked], "next": None}))
    api.on("DELETE", f"/api/v2/keys/{ID}", problem(503, "away"), ok(revoked))
    assert run("admin", "keys", "list").stdout.splitlines()[1].startswith(f"{ID}\tweb shop\twrite\tcats, dogs\t")
    assert json.loads(run("admin", "keys", "list", "--json").stdout)["revoked_at"].startswith("2025-05-02")
    assert run("admin", "keys", "revoke", ID).stdout == f"Key {ID} (web shop) is revoked.\n"
