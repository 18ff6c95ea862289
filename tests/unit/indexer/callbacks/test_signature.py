"""What is sent is signed as receivers' libraries check it."""

from __future__ import annotations

import base64

from imagesearch_indexer.callbacks.signature import headers_of

SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
BODY = b'{"test": 2432232314}'


def test_the_published_example_is_signed_as_published() -> None:
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY, [SECRET])
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_secret_gives_a_signature() -> None:
    first, second = headers_of("msg", 1, BODY, [SECRET, b"another"])["webhook-signature"].split()
    assert first == headers_of("msg", 1, BODY, [SECRET])["webhook-signature"]
    assert second == headers_of("msg", 1, BODY, [b"another"])["webhook-signature"]


def test_id_time_and_body_are_all_signed() -> None:
    def signature(event_id: str = "msg", timestamp: int = 1, body: bytes = BODY) -> str:
        return headers_of(event_id, timestamp, body, [SECRET])["webhook-signature"]

    assert len({signature(), signature("msh"), signature(timestamp=2), signature(body=BODY + b" ")}) == 4
