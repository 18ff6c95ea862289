"""Find the files below folders, one after the other: no list of them is kept, however many there are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from imagesearch_client.folder_upload.reading import of_error

MAX_DEPTH = 100
"""Folders within each other: each is held open until all below it is read."""
_LEFT_BY_SYSTEMS = frozenset(
    {
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "@eadir",
        "__macosx",
        "lost+found",
        "$recycle.bin",
        "system volume information",
    }
)
"""What Windows, macOS, Synology and ext4 leave beside pictures; jobs over a directory leave it out as well."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """Name a file to be sent.

    Attributes:
        path: as it is opened.
        name: its path below the folder that was named; what was named itself keeps its path.
        is_link: a link that is to be followed.
    """

    path: str
    name: str
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class Loss:
    """Name a file or a folder behind which nothing can be read, and why."""

    path: str
    code: str
    reason: str


class Walk:
    """Yield the files below folders, and those named themselves; iterate once.

    Left out are hidden names, what operating systems leave behind, and links unless they are followed; none leads
    back into a folder that it lies in. Names do not tell what a file holds, so none is left out for its ending,
    unless patterns say so.

    Attributes:
        found: files that were yielded so far.
        links: links that were left out.
        others: files that the patterns left out, and what is no regular file.
        is_done: nothing is left to be found.
    """

    def __init__(
        self,
        tops: Iterable[str],
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        follow_links: bool = False,
    ) -> None:
        """Take folders and files; patterns with a slash are of paths below the folder, others of names."""
        self.found = self.links = self.others = 0
        self.is_done = False
        self._tops = tops
        self._include = [pattern.lower() for pattern in include]
        self._exclude = [pattern.lower() for pattern in exclude]
        self._follow_links = follow_links

    def __iter__(self) -> Iterator[LocalFile | Loss]:
        for top in self._tops:
            if os.path.isdir(top):  # noqa: PTH112 - names that are no text stay as they are
                yield from self._below(top, "", ())
            else:
                # Whether it can be read, whoever reads it says; a link that was named is meant to be followed.
                self.found += 1
                yield LocalFile(top, top, is_link=True)
        self.is_done = True

    def _below(self, folder: str, name: str, above: tuple[tuple[int, int], ...]) -> Iterator[LocalFile | Loss]:
        """Yield what lies in a folder that has this name below the top, and lies in those `above`."""
        if len(above) >= MAX_DEPTH:
            yield Loss(folder, "too_deep", f"more than {MAX_DEPTH} folders lie within each other")
            return
        try:
            found = os.stat(folder)  # noqa: PTH116 - as above
            identity = found.st_dev, found.st_ino
            entries = os.scandir(folder)
        except OSError as error:
            yield _loss(folder, error)
            return
        with entries:
            while identity not in above:
                try:
                    entry = next(entries, None)
                except OSError as error:
                    yield _loss(folder, error)
                    return
                if entry is None:
                    return
                if is_left_out(entry.name):
                    continue
                yield from self._step(entry, name + entry.name, (*above, identity))

    def _step(
        self, entry: os.DirEntry[str], name: str, above: tuple[tuple[int, int], ...]
    ) -> Iterator[LocalFile | Loss]:
        is_link = entry.is_symlink()
        if is_link and not self._follow_links:
            self.links += 1
            return
        try:
            entry.stat()  # a link that leads nowhere is a loss, and no file of another kind
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError as error:
            yield _loss(entry.path, error)
            return
        if is_folder:
            yield from self._below(entry.path, f"{name}/", above)
        elif is_file and self._is_chosen(name):
            self.found += 1
            yield LocalFile(entry.path, name, is_link)
        else:
            self.others += 1

    def _is_chosen(self, name: str) -> bool:
        return not _matches(name, self._exclude) and (not self._include or _matches(name, self._include))


def is_left_out(name: str) -> bool:
    """Tell whether a name is hidden, or what an operating system leaves beside pictures."""
    return name.startswith(".") or name.lower() in _LEFT_BY_SYSTEMS


def _loss(path: str, error: OSError) -> Loss:
    why = of_error(error)
    return Loss(path, why.code, str(why))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    lowered = name.lower()
    last = lowered.rpartition("/")[2]
    return any(fnmatchcase(lowered if "/" in pattern else last, pattern) for pattern in patterns)
