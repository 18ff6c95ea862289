"""What signs a callback is found by its host, read anew each time, and never weak."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from imagesearch.settings import CallbackSettings
from imagesearch_indexer.callbacks.secrets import SecretMissing, Secrets

OLD, NEW = b"an old secret of 24 bytes", b"a new secret of 24 bytes!"


def secrets(folder: Path | None, hosts: str = "a.example,b.example:8443=b,*.c.example=c") -> Secrets:
    return Secrets(CallbackSettings(callback_hosts=hosts).secrets_by_host(), folder)  # type: ignore[arg-type]


def test_a_host_is_signed_to_with_the_secrets_that_its_pattern_names(tmp_path: Path) -> None:
    for name in ("default", "b", "c"):
        (tmp_path / name).write_text(f"the secret of {name:>16}".replace(" ", "-"))
    of = secrets(tmp_path).of
    assert of("a.example", 443)[0].endswith(b"default")
    assert of("b.example", 8443)[0].endswith(b"-b")
    assert of("x.c.example", 443)[0].endswith(b"-c")
    for host, port in (("b.example", 443), ("c.example", 443), ("a.example", 8443)):
        with pytest.raises(SecretMissing, match="CALLBACK_HOSTS"):
            of(host, port)


def test_a_secret_is_replaced_while_the_process_runs_and_two_hold_meanwhile(tmp_path: Path) -> None:
    found = secrets(tmp_path, "a.example")
    (tmp_path / "default").write_bytes(OLD.replace(b" ", b"-") + b"\n")
    assert found.of("a.example", 443) == [OLD.replace(b" ", b"-")]
    (tmp_path / "default").write_text(
        f"{OLD.decode().replace(' ', '-')}\nwhsec_{base64.b64encode(NEW).decode()}\n"
    )
    assert found.of("a.example", 443) == [OLD.replace(b" ", b"-"), NEW]


@pytest.mark.parametrize("content", [None, b"", b"short", b"whsec_!!!", b"whsec_c2hvcnQ=", b"\xff" * 30])
def test_an_indexer_does_not_start_with_a_secret_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "default").write_bytes(content)
    with pytest.raises(SecretMissing):
        secrets(tmp_path, "a.example").check()
    with pytest.raises(SecretMissing, match="CALLBACK_SECRETS_DIR"):
        secrets(None, "a.example").check()


@pytest.mark.parametrize("hosts", ["https://a.example", "a.example/path", "a.example:x", "a.example=../b", "a b"])
def test_what_names_no_host_is_no_setting(hosts: str) -> None:
    with pytest.raises(ValueError, match="CALLBACK_HOSTS"):
        CallbackSettings(callback_hosts=hosts)  # type: ignore[arg-type]
