"""Say how many parts a file of its size can honestly hold.

Every loop over a file's structure ends here: a part costs a reader about a microsecond whatever its size, so a
file of nothing but tiny parts would cost a hundred times what its pixels do.
"""

from __future__ import annotations

from imagesearch.failures import FailureCode

BASE = 1_000
"""Parts that any file may have, however small; they cost a few milliseconds."""

MAX_ENTRIES = 1_000
"""Entries of one directory of tags; cameras and scanners write a hundred at most."""


class Dishonest(Exception):
    """A file's structure claims more than the file can hold.

    Attributes:
        reason: what is wrong with it, for people.
        code: too_large where it is the pixels that are too many, unreadable otherwise.
    """

    def __init__(self, reason: str, code: FailureCode = FailureCode.UNREADABLE) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class Damaged(Exception):
    """A file's structure makes no sense."""


class Unsupported(Exception):
    """A file holds its picture in a coding that is not decoded.

    Attributes:
        reason: what it holds, for people.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Allowance:
    """Count parts of one kind down from what a file may hold."""

    def __init__(self, size: int, share: int, what: str, *, base: int = BASE) -> None:
        """Allow a base and one part more for each `share` bytes of a file of `size` bytes."""
        self.left = base + size // share
        self._what = what

    def take(self, number: int = 1) -> None:
        """Take parts off.

        Raises:
            Dishonest: there are more than allowed.
        """
        self.left -= number
        if self.left < 0:
            raise Dishonest(f"it is made of more {self._what} than a picture of its size has")
