"""An API that asks for no key listens where nobody else reaches it, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from imagesearch_api.server.addresses import check_addresses
from support.waiting import TIMEOUT

OWN: list[object] = [("127.0.0.1", 5000), ("127.8.8.8", 80), ("::1", 5000), ("localhost", 5000), "/run/api.sock"]
EXPOSED: list[object] = [
    ("0.0.0.0", 5000),  # noqa: S104 - what is refused
    ("", 5000),
    ("::", 5000),
    ("192.0.2.1", 5000),
    ("::ffff:192.0.2.1", 5000),
    ("localhost.example.com", 5000),
    "fd://3",
    3,
]


@pytest.mark.parametrize("address", OWN)
def test_without_keys_it_listens_on_this_machine(address: object) -> None:
    check_addresses([address], has_keys=False)


@pytest.mark.parametrize("address", EXPOSED)
def test_without_keys_it_listens_nowhere_else(address: object) -> None:
    check_addresses([address], has_keys=True)
    with pytest.raises(SystemExit, match="API_KEYS=true"):
        check_addresses([OWN[0], address], has_keys=False)


def test_the_server_does_not_start_without_keys_on_all_addresses() -> None:
    serve = [sys.executable, "-m", "gunicorn", "--config", "python:imagesearch_api.gunicorn_conf"]
    done = subprocess.run(
        [*serve, "--bind", "127.0.0.1:0", "--bind", "0.0.0.0:0", "imagesearch_api.app:create_app()"],
        env=os.environ | {"API_KEYS": "false"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 1
    assert "API_KEYS is off, and 0.0.0.0:0 is not a loopback address" in done.stderr
    assert "Listening at" not in done.stderr
