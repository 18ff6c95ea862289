"""Sign what may come back: sessions of pages, and links to pictures that hold for a while."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence


def signature(secret: bytes, *parts: object) -> str:
    """Return the signature of parts, whose texts hold no NUL, in 43 characters fit for URLs and cookies."""
    text = "\0".join(map(str, parts))
    made = hmac.digest(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return urlsafe_b64encode(made).rstrip(b"=").decode()


def is_signed(secrets: Sequence[bytes], given: str, *parts: object) -> bool:
    """Tell whether one of the secrets signed these parts."""
    # Characters beyond ASCII make the comparison fail instead of being unequal.
    text = given.encode("utf-8", "surrogatepass")
    return any(hmac.compare_digest(signature(secret, *parts).encode(), text) for secret in secrets)
