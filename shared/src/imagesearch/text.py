"""Say which text every store and every file system can hold."""

from __future__ import annotations


def is_utf8(text: str) -> bool:
    """Tell whether text can be written as UTF-8: it holds no lone surrogates, as undecodable file names do."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
