"""Keep uploaded pictures as files: write them whole, and remove them.

Nothing here follows a link, and nothing removes a file that does not lie where an upload would.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal
from uuid import uuid4

from imagesearch.files.beneath import descend
from imagesearch.files.upload_paths import DRAFT, FILE, UploadPaths, is_abandoned

_SUBFOLDER = re.compile(r"none|[0-9a-f]{16}|[0-9a-f]{2}")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Uploads(UploadPaths):
    """Store and remove the files of uploaded pictures beneath one directory, which is made with the first file."""

    def store(self, path: Path, data: bytes) -> os.stat_result:
        """Write a file wholly or not at all, even if the power fails, and return its stat result.

        A file that is there already holds the same bytes, because its name is their digest.

        Raises:
            OSError: the file system did not take it, or a link or a file is in the way of its directories.
            ValueError: `path_of` gives no such path.
        """
        with self.drafted(path, data) as place:
            return place()

    @contextmanager
    def drafted(self, path: Path, data: bytes) -> Iterator[Callable[[], os.stat_result]]:
        """Write what a file will hold, and yield what puts it there; unless that is called, nothing stays.

        So whoever has to say first that the file is wanted learns before that whether there is room for it. What
        puts it there looks whether it is there by then: it may have come, or have been removed.

        Raises:
            OSError: the file system did not take it, or a link or a file is in the way of its directories.
            ValueError: `path_of` gives no such path.
        """
        parts = self.parts(str(path))
        if parts is None:
            raise ValueError("no upload lies at such a path")
        *folders, name = parts
        self._make(folders)
        with descend(self.root, folders) as folder:
            drafts = [] if _existing(name, folder, data) is not None else [_write_draft(folder, data)]

            def place() -> os.stat_result:
                existing = _existing(name, folder, data)
                if existing is not None:
                    return existing
                if not drafts:
                    drafts.append(_write_draft(folder, data))
                os.replace(drafts[-1], name, src_dir_fd=folder, dst_dir_fd=folder)
                drafts.clear()
                with _listable(folder) as listed:
                    os.fsync(listed)
                return os.stat(name, dir_fd=folder, follow_symlinks=False)

            try:
                yield place
            finally:
                for draft in drafts:
                    with suppress(FileNotFoundError):
                        os.unlink(draft, dir_fd=folder)

    def remove(self, path: str, is_wanted: Callable[[], bool]) -> None:
        """Remove the file of an upload that no image has; nothing happens where the path is not an upload's.

        The file is set aside first, and asked for once more: the same picture may be uploaded again at any moment,
        also while this process stands still. What is wanted by then is put back; what is removed is no file that
        anybody can have stored since. Files that others have set aside and left are taken along, or put back.

        Args:
            path: where it lies.
            is_wanted: tells whether an image has that path now.

        Raises:
            OSError: the file system did not remove it.
        """
        parts = self.parts(path)
        if parts is None:
            return
        name = parts[-1]
        with suppress(FileNotFoundError), descend(self.root, parts[:-1]) as folder:
            with _listable(folder) as listed, os.scandir(listed) as entries:
                found = [entry.name for entry in entries if entry.name.startswith(f".{name}.")]
            aside = found
            if not is_wanted():
                aside = []
                for entry in [name, *found]:
                    mine = f".{name}.{uuid4().hex}"
                    # Whoever renames a file has it for himself.
                    with suppress(FileNotFoundError):
                        os.rename(entry, mine, src_dir_fd=folder, dst_dir_fd=folder)
                        aside.append(mine)
            for entry in aside:
                with suppress(FileNotFoundError):
                    # Its name is the digest of its bytes: one that was stored meanwhile is the same.
                    if is_wanted():
                        os.rename(entry, name, src_dir_fd=folder, dst_dir_fd=folder)
                    else:
                        os.unlink(entry, dir_fd=folder)

    def collections(self) -> set[int]:
        """Return the ids of collections that have a directory here."""
        if not self.root.is_dir():
            return set()
        with os.scandir(self.root) as found:
            names = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
        return self.collection_ids(names)

    def clear(self, collection_id: int, *, dry_run: bool = False) -> int:
        """Remove what uploads left behind in the directory of a collection that is gone; return how many files.

        This removes files that are named by the digest of their own content, abandoned drafts of such files, and
        the directories that held them. Everything else stays.

        Raises:
            OSError: the file system failed, or does not allow it.
        """
        removed = 0
        top = str(collection_id)
        with suppress(FileNotFoundError), descend(self.root, ()) as root:
            for folder, folders, files, descriptor in os.fwalk(top, topdown=False, dir_fd=root):
                leavings = [name for name in files if _is_leftover(f"{folder}/{name}", name, descriptor)]
                removed += len(leavings)
                if dry_run:
                    continue
                for name in leavings:
                    os.unlink(name, dir_fd=descriptor)
                for name in filter(_SUBFOLDER.fullmatch, folders):
                    _remove_if_empty(name, descriptor)
            if not dry_run:
                _remove_if_empty(top, root)
        return removed

    def files(self, collection_id: int) -> Iterator[str]:
        """Yield the paths of the files of a collection's uploads.

        Raises:
            OSError: the file system failed, or does not allow it.
        """
        with suppress(FileNotFoundError), descend(self.root, ()) as root:
            for folder, _, names, _ in os.fwalk(str(collection_id), dir_fd=root, onerror=_fail):
                yield from (f"{self.root}/{folder}/{name}" for name in names if FILE.fullmatch(f"{folder}/{name}"))

    def state(self, path: str, *, contents: bool = False) -> Literal["whole", "missing", "damaged"]:
        """Tell whether an upload's file is there, and is what its name says.

        Args:
            path: where it lies.
            contents: read it; otherwise a file that is not empty is taken for whole.

        Raises:
            OSError: the file system does not allow it.
        """
        parts = self.parts(path)
        if parts is None:
            return "missing"
        try:
            with descend(self.root, parts[:-1]) as folder:
                descriptor = os.open(parts[-1], _READ, dir_fd=folder)
        except FileNotFoundError:
            return "missing"
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or not found.st_size:
                return "damaged"
            digest = hashlib.file_digest(file, "sha256").hexdigest() if contents else None
        return "whole" if digest in (None, parts[-1].partition(".")[0]) else "damaged"

    def _make(self, folders: Sequence[str]) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        for depth in range(len(folders)):
            with descend(self.root, folders[:depth]) as parent:
                try:
                    os.mkdir(folders[depth], dir_fd=parent)
                except FileExistsError:
                    continue
                with _listable(parent) as listed:
                    os.fsync(listed)


def _fail(error: OSError) -> None:
    raise error


def _existing(name: str, folder: int, data: bytes) -> os.stat_result | None:
    """Return the stat result of a file that holds these bytes, by its name and size; None where there is none."""
    with suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode) and found.st_size == len(data):
            return found
    return None


def _write_draft(folder: int, data: bytes) -> str:
    """Write a file under a name with a dot in front, which jobs over the directory leave out; return the name."""
    draft = f".{uuid4().hex}"
    try:
        with os.fdopen(_create(draft, folder), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=folder)
        raise
    return draft


def _create(name: str, folder: int) -> int:
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder)


@contextmanager
def _listable(folder: int) -> Iterator[int]:
    """Yield a descriptor that can list and sync a directory, which one opened only to pass through cannot."""
    descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _remove_if_empty(name: str, folder: int) -> None:
    try:
        os.rmdir(name, dir_fd=folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise


def _is_leftover(relative: str, name: str, folder: int) -> bool:
    if DRAFT.fullmatch(relative):
        return is_abandoned(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns)
    named = FILE.fullmatch(relative)
    if named is None:
        return False
    try:
        descriptor = os.open(name, _READ, dir_fd=folder)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return is_file and hashlib.file_digest(file, "sha256").hexdigest() == named["sha256"]
