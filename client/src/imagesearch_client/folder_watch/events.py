"""The events of a file system, from `watchfiles`, which nothing else needs."""

from __future__ import annotations

from collections.abc import Iterator

from watchfiles import watch

TICK_MS = 1_000
"""How long nothing happens until that is told as well."""


def events(root: str, *, poll: bool) -> Iterator[list[tuple[str, str]]]:
    """Yield what has happened below a folder, about once a second and also when nothing has.

    Args:
        root: the folder.
        poll: look at every file again and again, where the file system tells nothing.

    Raises:
        OSError: it cannot be watched, as where there are more folders than the system allows to be.
        KeyboardInterrupt: somebody has had enough.
    """
    seen = watch(
        root,
        watch_filter=None,
        rust_timeout=TICK_MS,
        yield_on_timeout=True,
        force_polling=poll or None,
        ignore_permission_denied=True,
    )
    for changes in seen:
        yield [(change.raw_str(), path) for change, path in changes]
