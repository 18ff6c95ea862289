"""What is known of a key is believed for a few seconds, and asked for once at a time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from imagesearch.access import key_ring
from imagesearch.access.key_ring import KeyRing
from imagesearch.access.keys import ApiKey, StoredKey, Token
from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import EVERYTHING
from imagesearch.errors import StoreUnavailable
from support.waiting import until


class Keys:
    """A catalogue of keys, and a clock."""

    def __init__(self) -> None:
        self.stored: dict[str, StoredKey] = {}
        self.asked = 0
        self.is_down = False
        self.now = 100.0

    def add(self) -> Token:
        token = Token.new()
        key = ApiKey(token.id, "a key", Scope.READ, EVERYTHING, None, datetime.now(UTC), None)
        self.stored[token.id] = StoredKey(key, token.digest)
        return token

    def find(self, key_id: str) -> StoredKey | None:
        self.asked += 1
        if self.is_down:
            raise StoreUnavailable("postgres", "down in this test")
        return self.stored.get(key_id)

    def clock(self) -> float:
        return self.now


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def ring(keys: Keys) -> KeyRing:
    return KeyRing(keys.find, 5.0, keys.clock)


def test_a_key_is_remembered_and_then_forgotten(keys: Keys, ring: KeyRing) -> None:
    token = keys.add()
    assert ring.remembered(token.id) is None
    found = ring.look_up(token.id)
    assert found.key == keys.stored[token.id]
    keys.is_down = True
    keys.now += 4.9
    assert ring.remembered(token.id) == found
    # Not a moment longer, also while nobody can be asked.
    keys.now += 0.1
    assert ring.remembered(token.id) is None
    with pytest.raises(StoreUnavailable):
        ring.look_up(token.id)
    assert ring.remembered(token.id) is None


def test_that_there_is_no_key_is_remembered_as_well(keys: Keys, ring: KeyRing) -> None:
    assert ring.look_up("0" * 16).key is None
    remembered = ring.remembered("0" * 16)
    assert remembered is not None
    assert remembered.key is None
    assert keys.asked == 1


def test_a_key_in_use_ages_at_half_its_time(keys: Keys, ring: KeyRing) -> None:
    token = keys.add()
    assert not ring.is_ageing(token.id)
    ring.look_up(token.id)
    assert not ring.is_ageing(token.id)
    keys.now += 2.6
    assert ring.is_ageing(token.id)
    ring.look_up(token.id)
    assert not ring.is_ageing(token.id)


def test_a_flood_of_made_up_ids_displaces_no_key(
    keys: Keys, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_ring, "MAX_UNKNOWN", 3)
    token = keys.add()
    ring.look_up(token.id)
    for number in range(10):
        ring.look_up(f"{number:016x}")
    assert ring.remembered(token.id) is not None
    assert ring.remembered(f"{0:016x}") is None
    assert ring.remembered(f"{9:016x}") is not None


def test_those_used_last_stay_where_there_are_too_many(
    keys: Keys, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_ring, "MAX_KNOWN", 2)
    tokens = [keys.add() for _ in range(3)]
    for token in tokens:
        ring.look_up(token.id)
    assert [ring.remembered(token.id) is not None for token in tokens] == [False, True, True]


def test_all_who_ask_at_once_share_one_look_up(keys: Keys) -> None:
    token = keys.add()
    asking, answer = threading.Event(), threading.Event()

    def find(key_id: str) -> StoredKey | None:
        asking.set()
        answer.wait(30)
        return keys.find(key_id)

    ring = KeyRing(find, 5.0, keys.clock)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(ring.look_up(token.id).key)) for _ in range(4)]
    threads[0].start()
    asking.wait(30)
    for thread in threads[1:]:
        thread.start()
    # The others have nothing to wait for but the first one's answer.
    until(lambda: all(thread.is_alive() for thread in threads))
    answer.set()
    for thread in threads:
        thread.join(30)
    assert found == [keys.stored[token.id]] * 4
    assert keys.asked == 1


def test_a_key_that_was_changed_here_is_looked_up_anew(keys: Keys, ring: KeyRing) -> None:
    token = keys.add()
    ring.look_up(token.id)
    ring.forget(token.id)
    assert ring.remembered(token.id) is None
