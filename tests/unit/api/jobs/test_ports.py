"""Jobs call back only whom the operator names."""

from __future__ import annotations

import pytest

from imagesearch_api.errors import CallbackRejected
from support.api_twin import services_of


def refusal(url: str, *hosts: str) -> str:
    with pytest.raises(CallbackRejected) as caught:
        services_of(callback_hosts=hosts).jobs.check_callback(url)
    return caught.value.rule


def test_a_host_that_is_named_may_be_called() -> None:
    ports = services_of(callback_hosts=("hooks.example", "*.b.example:8443")).jobs
    ports.check_callback(None)
    ports.check_callback("https://hooks.example/jobs?token=1")
    ports.check_callback("https://a.b.example:8443/")


def test_nobody_else_may_be_called() -> None:
    assert "CALLBACK_HOSTS names no host" in refusal("https://hooks.example/")
    for url in ("https://other.example/", "http://hooks.example/", "https://user:secret@hooks.example/"):
        assert refusal(url, "hooks.example")
