"""What a stack writes down about itself for the next start, for `down`, and for whoever looks after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

from imagesearch_local.layout import Layout
from imagesearch_local.private import write_private


@dataclass(frozen=True)
class Record:
    """Hold what a stack runs with.

    Attributes:
        url: where its API answers.
        ports: of the stores, by name.
        images: the allowed roots.
        weights: as given.
        programs: names of its processes.
        milvus_uri: a Milvus server that is not ours; empty for the milvus-lite of the stack.
    """

    url: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    weights: str = ""
    programs: tuple[str, ...] = ()
    milvus_uri: str = ""

    @classmethod
    def read(cls, layout: Layout) -> Self:
        """Return the record of the last start; an empty one if there was none or it cannot be read."""
        try:
            known = json.loads(layout.record.read_text())
            return cls(
                url=str(known["url"]),
                ports={str(name): int(port) for name, port in known["ports"].items()},
                images=tuple(str(root) for root in known["images"]),
                weights=str(known["weights"]),
                programs=tuple(str(name) for name in known["programs"]),
                milvus_uri=str(known.get("milvus_uri", "")),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def write(self, layout: Layout) -> None:
        """Replace the record."""
        write_private(layout.record, json.dumps(asdict(self), indent=2) + "\n")
