"""Say which text every store and every file system can hold."""

from __future__ import annotations


def is_utf8(text: str) -> bool:
    """Tell whether text can be written as UTF-8: it holds no halves of characters, as undecodable names do."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
