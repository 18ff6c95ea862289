"""What has happened to a folder and is still to be told to the API; it stays bounded, whatever happens."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator

from imagesearch_client.folder_upload.walk import is_left_out

QUIET_SECONDS = 2.0
"""A file that somebody still writes to is not read: it has to be left alone for so long."""
MAX_PENDING = 50_000
"""Beyond so many changes the whole folder is looked at instead."""
MODIFIED = "modified"
"""What the file system says of an entry that stays where it is."""


class Changes:
    """Gather changes below a folder, by how the disk looks when they are told.

    Attributes:
        whole: everything is to be looked at; then nothing else is gathered.
        deleted: files that are gone.
        emptied: folders out of which whole folders have gone.
    """

    def __init__(self, root: str, clock: Callable[[], float]) -> None:
        """Begin with the folders that are there; the clock is in seconds."""
        self.whole = True
        self.deleted: set[str] = set()
        self.emptied: set[str] = set()
        self._root = root
        self._clock = clock
        self._changed: dict[str, float] = {}
        self._came: dict[str, float] = {}
        # As many as the file system can be told to watch. Of what is gone, nobody else knows what it was.
        self._folders = set(_folders_below(root))

    def note(self, events: Iterable[tuple[str, str]]) -> None:
        """Take events: what the file system says has happened, and the path."""
        for kind, path in events:
            if self.whole:
                self._keep_folder(path)
            elif not self._is_left_out(path):
                self._note(kind, path)
        waiting = len(self._changed) + len(self._came) + len(self.deleted) + len(self.emptied)
        if waiting > MAX_PENDING:
            self.look_at_all()

    def look_at_all(self) -> None:
        """Have everything looked at, which makes up for all that is known and all that is not."""
        self.whole = True
        for gathered in (self._changed, self._came, self.deleted, self.emptied):
            gathered.clear()

    def begin_whole(self) -> None:
        """Gather again: from now on everything is looked at."""
        self.whole = False
        self._folders = set(_folders_below(self._root))

    def take_changed(self, most: int) -> list[str]:
        """Take files that were changed and are left alone now."""
        return _take_quiet(self._changed, self._clock() - QUIET_SECONDS, most)

    def take_folder(self) -> str | None:
        """Take a folder that came with what is in it, and is left alone now."""
        return next(iter(_take_quiet(self._came, self._clock() - QUIET_SECONDS, 1)), None)

    def _note(self, kind: str, path: str) -> None:
        try:
            mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            self._note_gone(path)
            return
        except OSError:
            mode = stat.S_IFREG  # whoever reads it says why it cannot be read
        if stat.S_ISDIR(mode):
            if kind != MODIFIED or path not in self._folders:
                self._folders.update([path], _folders_below(path))
                self._came[path] = self._clock()
        elif not (stat.S_ISLNK(mode) and os.path.isdir(path)):  # noqa: PTH112 - as above
            self._changed[path] = self._clock()

    def _note_gone(self, path: str) -> None:
        self._changed.pop(path, None)
        self._came.pop(path, None)
        if path in self._folders:
            below = f"{path}/"
            self._folders = {each for each in self._folders if each != path and not each.startswith(below)}
            self.emptied.add(os.path.dirname(path))  # noqa: PTH120 - as above
        else:
            self.deleted.add(path)

    def _keep_folder(self, path: str) -> None:
        if os.path.isdir(path) and not self._is_left_out(path):  # noqa: PTH112 - as above
            self._folders.add(path)

    def _is_left_out(self, path: str) -> bool:
        relative = os.path.relpath(path, self._root)
        return relative == "." or any(is_left_out(name) for name in relative.split("/"))


def _take_quiet(gathered: dict[str, float], since: float, most: int) -> list[str]:
    quiet = [path for path, at in gathered.items() if at <= since][:most]
    for path in quiet:
        del gathered[path]
    return quiet


def _folders_below(top: str) -> Iterator[str]:
    """Yield the folders below one, as far as they can be read; no link is followed."""
    waiting = [top]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                found = [
                    entry.path
                    for entry in entries
                    if not is_left_out(entry.name) and entry.is_dir(follow_symlinks=False)
                ]
        except OSError:
            continue
        yield from found
        waiting += found
