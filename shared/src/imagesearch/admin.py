"""Look after the system on the server: `python -m imagesearch.admin keys|quotas|secrets|audit|doctor|plan|...`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import structlog

from imagesearch.access.grants import checked_key
from imagesearch.access.keys import ApiKey, Token
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import Tenancy
from imagesearch.capacity.command import add_plan
from imagesearch.catalog import api_keys, audit, signing_secrets
from imagesearch.catalog.engine import Catalog
from imagesearch.doctor.command import add_doctor
from imagesearch.errors import ImageSearchError
from imagesearch.quota_command import add_quotas
from imagesearch.settings import PostgresSettings
from imagesearch.upload_check import add_verify_uploads

PAGE = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks, and return the exit code: 1 where it cannot be done, or found a problem."""
    options = _parser().parse_args(arguments)
    try:
        with closing(Catalog(PostgresSettings(), service="admin")) as catalog:
            return int(options.run(catalog, options) or 0)
    except (ImageSearchError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _make(catalog: Catalog, options: argparse.Namespace) -> None:
    """Print a new key alone on standard output: it is shown this once, and kept nowhere."""
    tenancy = Tenancy(
        tuple(sorted(set(options.collection))) or None,
        options.partition,
        tuple(sorted(map(os.path.realpath, options.source_root))) or None,
    )
    name = checked_key(options.name, options.scope, tenancy)
    token = Token.new()
    with catalog.transaction() as tx:
        key = api_keys.create(tx, token, name, options.scope, tenancy, by=None)
    sys.stderr.write(f"{_shown(key)}\nThis key is not shown again:\n")
    sys.stdout.write(f"{token.reveal()}\n")


def _list(catalog: Catalog, _: argparse.Namespace) -> None:
    after: str = ""
    while True:
        with catalog.reading() as tx:
            found = api_keys.listing(tx, after=after, limit=PAGE)
        sys.stdout.writelines(f"{_shown(key)}\n" for key in found)
        if len(found) < PAGE:
            return
        after = found[-1].id


def _revoke(catalog: Catalog, options: argparse.Namespace) -> None:
    with catalog.transaction() as tx:
        key = api_keys.revoke(tx, options.id, by=None)
    sys.stdout.write(f"{_shown(key)}\n")


def _rotate(catalog: Catalog, options: argparse.Namespace) -> None:
    with catalog.transaction() as tx:
        secret = secrets.token_bytes(signing_secrets.SECRET_BYTES)
        signing_secrets.rotate(tx, secret, at_once=options.at_once, by=None)


def _audit(catalog: Catalog, options: argparse.Namespace) -> None:
    before: int | None = None
    left: int = options.limit
    while left > 0:
        with catalog.reading() as tx:
            found = audit.listing(tx, limit=min(left, PAGE), before=before)
        for event in found:
            shown = {"at": _text(event.at), "action": event.action, "api_key": event.key_id, **event.detail}
            sys.stdout.write(f"{json.dumps(shown)}\n")
        left -= PAGE if len(found) == PAGE else left
        before = found[-1].id if found else None


def _shown(key: ApiKey) -> str:
    """Return one line of JSON about a key; its secret is known to nobody but its owner."""
    bounds = key.tenancy
    shown: dict[str, Any] = {
        "id": key.id,
        "name": key.name,
        "scope": key.scope,
        "collections": bounds.collections,
        "partition": bounds.partition,
        "source_roots": bounds.roots,
        "created_by": key.created_by,
        "created_at": _text(key.created_at),
        "revoked_at": _text(key.revoked_at) if key.revoked_at else None,
    }
    return json.dumps(shown)


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="imagesearch.admin", description="Look after the system on the server.")
    parts = parser.add_subparsers(required=True)
    verbs = parts.add_parser("keys", help="make, list and revoke API keys").add_subparsers(required=True)
    make = verbs.add_parser("make", help="make a key and print it, this once")
    make.add_argument("name", help="what people call it")
    make.add_argument("--scope", type=Scope, choices=list(Scope), default=Scope.READ, help="what it allows")
    make.add_argument("--collection", action="append", default=[], help="bind it to this one; may be repeated")
    make.add_argument("--partition", help="bind it to this one")
    make.add_argument(
        "--source-root", action="append", default=[], help="bind sources to this directory; may be repeated"
    )
    make.set_defaults(run=_make)
    verbs.add_parser("list", help="list keys, a line of JSON each").set_defaults(run=_list)
    revoke = verbs.add_parser("revoke", help="have a key hold no more")
    revoke.add_argument("id", help="the 16 digits in it")
    revoke.set_defaults(run=_revoke)
    rotate = parts.add_parser("secrets", help="change what signs sessions and links").add_subparsers(required=True)
    rotating = rotate.add_parser("rotate", help="sign with a new secret")
    rotating.add_argument("--at-once", action="store_true", help="what was signed before holds no more")
    rotating.set_defaults(run=_rotate)
    log = parts.add_parser("audit", help="read the audit log").add_subparsers(required=True)
    listing = log.add_parser("list", help="list events, newest first, a line of JSON each")
    listing.add_argument("--limit", type=int, default=100, help="how many, at most")
    listing.set_defaults(run=_audit)
    add_quotas(parts)
    add_doctor(parts)
    add_plan(parts)
    add_verify_uploads(parts)
    return parser


if __name__ == "__main__":
    # What is printed on standard output is read by programs: a key, and nothing else.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    sys.exit(main())
