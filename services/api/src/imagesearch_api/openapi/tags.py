"""Sort routes by what they are about, for people who browse the description."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

View = Callable[..., Any]

_KEPT_WITH: Final = {
    "callbacks": "jobs",
    "description": "info",
    "facets": "collections",
    "files": "images",
    "image_deletion": "images",
    "reindex": "collections",
}
"""Modules of routes that are about what another one is named after."""
_TOLD: Final = {
    "aliases": "Further names of collections, which move at once from one to another.",
    "collections": "What pictures are kept in: one network, one pipeline, one index each.",
    "duplicates": "Pictures that are copies of each other, or nearly.",
    "exports": "Collections with their vectors, in files.",
    "images": "Single pictures: upload, label, list, delete, and their files.",
    "info": "What runs here, and how it is.",
    "jobs": "Work on many pictures: submit, follow, control, and see what failed.",
    "keys": "API keys.",
    "quotas": "What tenants have, and may have.",
    "search": "What looks like this?",
    "session": "How a page keeps a key.",
}


def tag_of(view: View) -> str:
    """Return what a route is about: the module that it stands in says so."""
    module = view.__module__.rpartition(".")[2]
    return _KEPT_WITH.get(module, module)


def tags_of(views: Iterable[View]) -> list[dict[str, str]]:
    """Describe what routes are about, by name."""
    return [
        {"name": name, **({"description": _TOLD[name]} if name in _TOLD else {})}
        for name in sorted({tag_of(view) for view in views})
    ]
