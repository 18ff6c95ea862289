"""Say which part of the system an API key is bound to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from imagesearch.errors import Forbidden
from imagesearch.files.roots import Roots


@dataclass(frozen=True)
class Tenancy:
    """Hold what a key reaches; None is no bound.

    Attributes:
        collections: names of collections, in order; aliases of them lead there too.
        partition: the only one that is seen, searched, counted and given to pictures.
        roots: resolved directories beneath which sources and files of a library have to lie, in order.
    """

    collections: tuple[str, ...] | None = None
    partition: str | None = None
    roots: tuple[str, ...] | None = None

    @property
    def is_bound(self) -> bool:
        """Tell whether anything is out of reach."""
        return self != EVERYTHING

    @cached_property
    def digest(self) -> str:
        """Return a short text that differs between tenancies."""
        held = json.dumps([self.collections, self.partition, self.roots])
        return hashlib.sha256(held.encode()).hexdigest()[:16]

    def holds_collection(self, name: str) -> bool:
        """Tell whether the collection of that name is within reach."""
        return self.collections is None or name in self.collections

    def holds_partition(self, partition: str) -> bool:
        """Tell whether images of a partition are within reach."""
        return self.partition in (None, partition)

    def reaches_all_of(self, collection: str | None, partition: str | None) -> bool:
        """Tell whether all images of a collection and partition are within reach; None is any of them."""
        holds_collection = self.collections is None or collection in self.collections
        return holds_collection and self.partition in (None, partition)

    def partition_of(self, asked: str | None) -> str | None:
        """Return the partition that a request is restricted to: the bound one where it names none.

        Raises:
            Forbidden: it names another one than the key is bound to, whether or not that exists.
        """
        if asked is not None and not self.holds_partition(asked):
            raise Forbidden("The API key is bound to another partition.")
        return asked if self.partition is None else self.partition

    def roots_within(self, roots: Roots) -> Roots:
        """Return those of the directories that may be read that are within reach."""
        return roots if self.roots is None else roots.within(self.roots)

    def require_everything(self) -> None:
        """Check that what concerns everybody may be seen.

        Raises:
            Forbidden: the key is bound to something.
        """
        if self.is_bound:
            raise Forbidden("The API key is bound, and this concerns everybody.")

    def require_whole_collections(self) -> None:
        """Check that what concerns each image of a collection may be done.

        Raises:
            Forbidden: the key is bound to a partition.
        """
        if self.partition is not None:
            raise Forbidden("The API key is bound to a partition, and this concerns the whole collection.")

    def require_names(self) -> None:
        """Check that names of collections may be given, moved and taken away.

        Raises:
            Forbidden: the key is bound to collections or a partition.
        """
        self.require_whole_collections()
        if self.collections is not None:
            raise Forbidden("The API key is bound to collections, and may not name others.")

    def require_name(self, name: str) -> None:
        """Check that a collection of that name may be made.

        Raises:
            Forbidden: the key is bound to other collections, whether or not there is one of that name.
        """
        if not self.holds_collection(name):
            raise Forbidden("The API key is bound to other collections.")


EVERYTHING = Tenancy()


@dataclass(frozen=True, slots=True)
class Owner:
    """Tell under which key something is done; without API keys nobody is told apart.

    Attributes:
        key_id: the public part of the key.
    """

    key_id: str | None = None
    tenancy: Tenancy = EVERYTHING


NOBODY = Owner()
