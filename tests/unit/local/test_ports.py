from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesearch_local import ports
from imagesearch_local.errors import StackFailed
from support.kept_ports import kept_port


@pytest.fixture
def taken() -> int:
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def all_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else this machine runs has no port."""
    monkeypatch.setattr(ports, "is_free", lambda port: True)


def test_a_port_with_a_listener_is_not_free(taken: int) -> None:
    assert not ports.is_free(taken)


def test_a_port_that_nothing_listens_on_is_free() -> None:
    assert ports.is_free(kept_port())


@pytest.mark.usefixtures("all_free")
def test_a_recorded_port_is_kept_while_it_is_free() -> None:
    first = ports.choose(["valkey", "milvus"], {}, "seed")
    assert ports.choose(["valkey", "milvus"], first, "another seed") == first


def test_a_recorded_port_that_is_taken_is_replaced(taken: int) -> None:
    assert ports.choose(["valkey"], {"valkey": taken}, "seed")["valkey"] != taken


@pytest.mark.usefixtures("all_free")
def test_a_port_that_is_spoken_for_is_not_chosen() -> None:
    wanted = ports.choose(["valkey"], {}, "seed")["valkey"]
    assert ports.choose(["valkey"], {}, "seed", taken=[wanted])["valkey"] != wanted
    assert ports.choose(["valkey"], {"valkey": wanted}, "seed", taken=[wanted])["valkey"] != wanted


@given(seed=st.text())
def test_ports_differ_and_lie_below_those_of_outgoing_connections(seed: str) -> None:
    chosen = ports.choose(["a", "b", "c"], {}, seed)
    assert len(set(chosen.values())) == 3
    assert all(ports.FIRST <= port < 32_768 for port in chosen.values())


def test_no_free_port_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: False)
    with pytest.raises(StackFailed, match="no free port between 20000 and 31999 for valkey"):
        ports.choose(["valkey"], {}, "seed")
