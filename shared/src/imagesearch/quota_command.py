"""`python -m imagesearch.admin quotas`: set, list and remove what tenants may have."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from imagesearch.access.tenants import EVERYTHING
from imagesearch.catalog import collections
from imagesearch.catalog.engine import Catalog
from imagesearch.catalog.quotas import counts, limits
from imagesearch.catalog.quotas.counts import Used
from imagesearch.catalog.quotas.limits import Limits, Quota

PAGE = 500


def add_quotas(parts: Any) -> None:
    """Add the command to those of the server."""
    verbs = parts.add_parser("quotas", help="set, list and remove what tenants may have").add_subparsers(
        required=True
    )
    put = verbs.add_parser("set", help="set what a tenant may have, in place of what was set before")
    put.add_argument("--collection", help="count the images of this one; without it those of every collection")
    put.add_argument("--partition", help="count the images of this one; without it those of every partition")
    put.add_argument("--images", type=int, help="pictures that are indexed")
    put.add_argument("--bytes", type=int, help="bytes of their files")
    put.add_argument("--jobs", type=int, help="jobs that have not ended")
    put.set_defaults(run=_set)
    verbs.add_parser("list", help="list quotas with what is used, a line of JSON each").set_defaults(run=_list)
    remove = verbs.add_parser("remove", help="let a tenant have what it likes")
    remove.add_argument("id", type=int, help="of the quota, as the list shows it")
    remove.set_defaults(run=_remove)


def _set(catalog: Catalog, options: argparse.Namespace) -> None:
    with catalog.transaction() as tx:
        name = options.collection
        collection_id = None if name is None else collections.get(tx, name).id
        given = Limits(options.images, options.bytes, options.jobs)
        quota = limits.put(tx, collection_id, options.partition, given, by=None)
        used = counts.used(tx, [quota.id])
    sys.stdout.write(f"{_shown(quota, used[quota.id])}\n")


def _list(catalog: Catalog, _: argparse.Namespace) -> None:
    after = 0
    while True:
        with catalog.reading() as tx:
            found = limits.listing(tx, EVERYTHING, after=after, limit=PAGE)
            used = counts.used(tx, [quota.id for quota in found])
        sys.stdout.writelines(f"{_shown(quota, used[quota.id])}\n" for quota in found)
        if len(found) < PAGE:
            return
        after = found[-1].id


def _remove(catalog: Catalog, options: argparse.Namespace) -> None:
    with catalog.transaction() as tx:
        quota = limits.remove(tx, options.id, by=None)
    sys.stdout.write(f"{_shown(quota, Used())}\n")


def _shown(quota: Quota, used: Used) -> str:
    shown = {
        "id": quota.id,
        "collection": quota.collection,
        "partition": quota.partition,
        "images": used.images,
        "bytes": used.bytes,
        "max_images": quota.limits.images,
        "max_bytes": quota.limits.bytes,
        "max_jobs": quota.limits.jobs,
        "counted": quota.counted_at is not None,
    }
    return json.dumps(shown)
