"""What the guide tells a receiver of callbacks to do is what their signatures are made for."""

from __future__ import annotations

import time

import pytest

from imagesearch_indexer.callbacks.signature import headers_of
from support.documented import REPOSITORY, blocks

PAGE = REPOSITORY / "docs" / "guide" / "callbacks.md"


def test_a_receiver_knows_who_has_called_it() -> None:
    (code,) = blocks(PAGE.read_text(), "python")
    known: dict[str, object] = {}
    exec(compile(code, "callbacks.md", "exec"), known)  # noqa: S102 - our own page
    job_of, body, secret = known["job_of"], b'{"type": "job.ended", "data": {"total": 7}}', "whsec_c2VjcmV0"
    assert callable(job_of)
    headers = headers_of("event", int(time.time()), body, [b"another", b"secret"])
    assert job_of(body, headers, secret) == {"total": 7}
    for wrong in (
        (body.replace(b"7", b"8"), headers, secret),
        (body, headers, "whsec_b3RoZXI="),
        (body, headers_of("event", int(time.time()) - 900, body, [b"secret"]), secret),
    ):
        with pytest.raises(PermissionError):
            job_of(*wrong)
