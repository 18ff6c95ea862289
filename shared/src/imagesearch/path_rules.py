"""Read metadata from the paths of pictures, by a rule such as ``{year:int}/{event}/{name}``.

A rule has as many parts between slashes as the paths that it fits; ``**`` as its first part is any number of
directories, and ``*`` for one part of which nothing is taken. Within a part, text stands for itself, ``{field}``
for one character or more, and ``{field:int}`` for a whole number. A field ends where what follows it in the rule
stands for the first time, so nothing is tried twice: fitting takes as long as the path is long. A field that is
called ``key`` gives the picture its own id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from imagesearch.metadata import MAX_KEY_CHARACTERS

MAX_CHARACTERS = 1_024
MAX_FIELDS = 16
KEY = "key"
_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})(:int)?\}")
_MAX_DIGITS = 18
"""Of a whole number, which then has at most 64 bits."""
_ANY_PART, _ANY_PARTS = "*", "**"


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    is_number: bool

    def value(self, text: str) -> str | int | None:
        """Return what a text says; None where it cannot be this field."""
        if not text or (self.name == KEY and len(text) > MAX_KEY_CHARACTERS):
            return None
        if not self.is_number:
            return text
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else None


@dataclass(frozen=True, slots=True)
class _Part:
    """Hold one part of a rule.

    Attributes:
        texts: what stands before, between and behind its fields; none where any part will do.
        fields: in their order, one fewer than texts.
    """

    texts: tuple[str, ...]
    fields: tuple[_Field, ...]

    def take(self, text: str, found: dict[str, str | int]) -> bool:
        """Add the values of the fields; tell whether the text fits."""
        if not self.texts:
            return True
        first, *others = self.texts
        if not text.startswith(first):
            return False
        at = len(first)
        for number, (field, behind) in enumerate(zip(self.fields, others, strict=True), 1):
            is_last = number == len(self.fields)
            # The last text ends the part; any other one ends its field where it stands first.
            end = len(text) - len(behind) if is_last else text.find(behind, at + 1)
            if end <= at or not text.startswith(behind, end):
                return False
            value = field.value(text[at:end])
            if value is None:
                return False
            found[field.name] = value
            at = end + len(behind)
        return at == len(text)


@dataclass(frozen=True, slots=True)
class PathRule:
    """Hold a rule that was checked."""

    parts: tuple[_Part, ...]
    is_deep: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check a rule.

        Raises:
            ValueError: it is none.
        """
        if not 1 <= len(text) <= MAX_CHARACTERS:
            raise ValueError(f"must be 1 to {MAX_CHARACTERS} characters long")
        first, *others = text.split("/")
        is_deep = first == _ANY_PARTS
        parts = tuple(map(_part, others if is_deep else (first, *others)))
        names = [field.name for part in parts for field in part.fields]
        if not names:
            raise ValueError("must have a field, such as {year:int} or {event}")
        if len(names) > MAX_FIELDS or len(set(names)) != len(names):
            raise ValueError(f"must have at most {MAX_FIELDS} fields, each of another name")
        if any(field.name == KEY and field.is_number for part in parts for field in part.fields):
            raise ValueError("must take its key as text: {key}")
        return cls(parts, is_deep)

    def read(self, path: str) -> Mapping[str, str | int] | None:
        """Return the values of the fields; None where the rule does not fit.

        Args:
            path: relative, or absolute; a slash at its beginning is passed over.
        """
        names = path.removeprefix("/").split("/")
        if len(names) < len(self.parts) or (len(names) > len(self.parts) and not self.is_deep):
            return None
        found: dict[str, str | int] = {}
        fitting = zip(self.parts, names[len(names) - len(self.parts) :], strict=True)
        return found if all(part.take(name, found) for part, name in fitting) else None


def _part(text: str) -> _Part:
    if text == _ANY_PART:
        return _Part((), ())
    texts, fields, at = [], [], 0
    for match in _FIELD.finditer(text):
        texts.append(text[at : match.start()])
        fields.append(_Field(match[1], match[2] is not None))
        at = match.end()
    texts.append(text[at:])
    if not text or any(sign in each for each in texts for sign in "{}*"):
        raise ValueError(
            "must be parts of text and fields like {event}, with * for any part and ** at its beginning"
        )
    if any(not each for each in texts[1:-1]):
        raise ValueError("must have text between two fields of a part")
    return _Part(tuple(texts), tuple(fields))
