"""Check what a new API key is to allow."""

from __future__ import annotations

from imagesearch.access.keys import MAX_NAME_LENGTH
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import Tenancy
from imagesearch.metadata import check_partition, check_storable

MAX_BOUNDS = 100
"""Collections, and source roots, that one key is bound to."""


def checked_key(name: str, scope: Scope, tenancy: Tenancy) -> str:
    """Return the name of a key that may be made.

    Raises:
        ValueError: something about it is wrong; the message says what.
    """
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise ValueError(f"name: 1 to {MAX_NAME_LENGTH} characters are expected")
    check_storable(name)
    if scope is Scope.ADMIN and tenancy.is_bound:
        # It could make a key that is bound to nothing.
        raise ValueError("scope: a key that is bound to something cannot have the scope admin")
    if tenancy.partition is not None:
        if not tenancy.partition:
            raise ValueError("partition: a key cannot be bound to images without a partition")
        check_partition(tenancy.partition)
    for field, bounds in (("collections", tenancy.collections), ("source_roots", tenancy.roots)):
        if bounds is not None and not 1 <= len(bounds) <= MAX_BOUNDS:
            raise ValueError(f"{field}: 1 to {MAX_BOUNDS} are expected")
        for bound in bounds or ():
            check_storable(bound)
    if tenancy.roots is not None and tenancy.collections is None and tenancy.partition is None:
        # Directories bound what is submitted and which files are read, and not which images are seen.
        raise ValueError(
            "source_roots: a key that is bound to directories is bound to collections or a partition, too"
        )
    for root in tenancy.roots or ():
        if not root.startswith("/"):
            raise ValueError("source_roots: absolute paths are expected")
    return name
