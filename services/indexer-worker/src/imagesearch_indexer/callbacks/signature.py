"""Sign what is sent, as https://www.standardwebhooks.com says: receivers have libraries that check it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence


def headers_of(event_id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """Return the headers that tell an event, when it was sent, and who could have sent it.

    Args:
        event_id: the same with each attempt.
        timestamp: of this attempt, in seconds since the epoch: an old message is not worth repeating.
        body: as it is sent.
        secrets: each gives a signature; one of them has to be the receiver's.
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }
