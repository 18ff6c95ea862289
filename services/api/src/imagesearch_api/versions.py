"""Tell versions of things apart, so that a change can say for which one it is meant."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from imagesearch.access.keys import ApiKey
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.images import Image
from imagesearch.catalog.names import Alias
from imagesearch_api.errors import VersionMismatch


@dataclass(frozen=True, slots=True)
class Expected:
    """Hold which version of a thing a change is meant for; unless anything is given, for any and for none.

    Attributes:
        versions: it has one of these; None is any.
        present: it is there.
        absent: it is not there.
    """

    versions: frozenset[str] | None = None
    present: bool = False
    absent: bool = False

    def check(self, version: str | None) -> None:
        """Compare with what is there now; None is nothing.

        Raises:
            VersionMismatch: it is something else.
        """
        if self.absent and version is not None:
            raise VersionMismatch("It is there already.")
        if self.present and version is None:
            raise VersionMismatch("It is not there.")
        if self.versions is not None and version not in self.versions:
            raise VersionMismatch("It has changed since that version; read it again.")

    @property
    def is_any(self) -> bool:
        """Tell whether nothing is asked for."""
        return self == ANY_VERSION


ANY_VERSION = Expected()


def of_image(image: Image) -> str:
    """Return the version of an image: of its content and labels, not of its URL and of who indexed it when."""
    return _digest(image.id, image.state, image.path, image.sha256, image.partition, image.metadata, image.own_key)


def of_collection(collection: Collection) -> str:
    """Return the version of a collection's name and settings; how many images it holds is none of them."""
    return _digest(
        collection.id,
        collection.name,
        collection.model,
        collection.preprocessing.to_dict(),
        collection.index_type,
        collection.index_params,
        collection.vector_collection,
        collection.generation,
    )


def of_alias(alias: Alias) -> str:
    """Return the version of an alias: of where it leads."""
    return _digest(alias.alias, alias.collection_id, alias.collection)


def of_key(key: ApiKey) -> str:
    """Return the version of an API key: of what it allows, and whether it still does."""
    bounds = key.tenancy
    return _digest(
        key.id, key.name, key.scope, bounds.collections, bounds.partition, bounds.roots, str(key.revoked_at)
    )


def _digest(*facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
