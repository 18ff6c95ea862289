"""Say what a picture's partition, metadata and key may be."""

from __future__ import annotations

import json
import math
from typing import Any

from imagesearch.text import is_utf8

INT64 = (-(2**63), 2**63 - 1)
"""The whole numbers that every store keeps as they are."""

MAX_PARTITION_LENGTH = 128
"""Characters; at most 512 bytes, what a vector store keeps."""
MAX_KEY_CHARACTERS = 256
"""Of the caller's own id: 1,024 bytes at most, which fit an index entry together with a partition."""
MAX_METADATA_BYTES = 16_384
MAX_METADATA_DEPTH = 32


def check_storable(text: str) -> str:
    """Return text that can be stored.

    Raises:
        ValueError: it holds NUL, or lone surrogates.
    """
    if "\x00" in text:
        raise ValueError("must not contain NUL")
    if not is_utf8(text):
        raise ValueError("must be valid Unicode")
    return text


def check_partition(text: str) -> str:
    """Return a partition's name.

    Raises:
        ValueError: it is too long, or cannot be stored.
    """
    if len(text) > MAX_PARTITION_LENGTH:
        raise ValueError(f"must be at most {MAX_PARTITION_LENGTH} characters long")
    return check_storable(text)


def check_own_key(text: str) -> str:
    """Return the caller's own id of a picture.

    Raises:
        ValueError: it is empty or too long, or cannot be stored.
    """
    if not 1 <= len(text) <= MAX_KEY_CHARACTERS:
        raise ValueError(f"must be 1 to {MAX_KEY_CHARACTERS} characters long")
    return check_storable(text)


def check_metadata(value: dict[str, Any]) -> dict[str, Any]:
    """Return metadata.

    Raises:
        ValueError: it is too large or nested too deep, or holds a value that JSON or Postgres does not know.
    """
    _check_values(value)
    if len(json.dumps(value)) > MAX_METADATA_BYTES:
        raise ValueError(f"must be at most {MAX_METADATA_BYTES} bytes of JSON")
    return value


def _check_values(value: object, depth: int = 1) -> None:
    if depth > MAX_METADATA_DEPTH:
        raise ValueError(f"must be nested at most {MAX_METADATA_DEPTH} deep")
    if isinstance(value, dict):
        for key, inner in value.items():
            check_storable(key)
            _check_values(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner, depth + 1)
    elif isinstance(value, str):
        check_storable(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must not contain NaN or infinity")
    elif isinstance(value, int) and not isinstance(value, bool) and not INT64[0] <= value <= INT64[1]:
        raise ValueError("must hold whole numbers of at most 64 bits")
