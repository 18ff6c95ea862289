"""Messages of the release before are read, and it reads those of today; what came later is left out if it can be.

`wire/version_N.json` holds a message of each kind as releases of that version wrote it, recorded from their code.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

import imagesearch.job_progress
import imagesearch.worker.registry
from imagesearch import contract, query_contract, wire
from imagesearch.errors import InvalidMessage
from imagesearch.wire import READ_VERSIONS, WIRE_VERSION, Message, added

RECORDED = Path(__file__).with_name("wire")
MODULES = (contract, query_contract, imagesearch.job_progress, imagesearch.worker.registry)
KINDS = {
    name: kind
    for module in MODULES
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, Message) and kind is not Message
}


def recorded(version: int) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(
        (RECORDED / f"version_{version}.json").read_text(),
        object_hook=lambda held: base64.b64decode(held["base64"]) if held.keys() == {"base64"} else held,
    )
    return found


def test_there_is_a_message_of_each_kind_that_was_recorded() -> None:
    assert recorded(READ_VERSIONS[0]).keys() < recorded(WIRE_VERSION).keys() <= KINDS.keys()
    assert all(message["v"] == WIRE_VERSION for message in recorded(WIRE_VERSION).values())


@pytest.mark.parametrize("version", [3, WIRE_VERSION])
def test_messages_of_each_version_are_read_and_mean_the_same(version: int) -> None:
    for name, message in recorded(version).items():
        assert KINDS[name].from_wire(message) == KINDS[name].from_wire(recorded(WIRE_VERSION)[name])


@pytest.mark.parametrize("name", sorted(recorded(WIRE_VERSION)))
def test_what_says_nothing_new_is_written_as_the_release_before_reads_it(name: str) -> None:
    message = recorded(WIRE_VERSION)[name]
    assert KINDS[name].from_wire(message).to_wire() == message


def test_fields_are_added_in_versions_that_are_read() -> None:
    for kind in KINDS.values():
        assert {each.metadata.get("since", WIRE_VERSION) for each in fields(kind)} <= set(READ_VERSIONS)


@dataclass(frozen=True, slots=True)
class Part(Message):
    number: int
    late: str | None = added(WIRE_VERSION + 1, None)


@dataclass(frozen=True, slots=True)
class Whole(Message):
    parts: tuple[Part, ...]
    latest: int = added(WIRE_VERSION + 2, 0)


def test_a_field_that_was_added_is_left_out_where_it_says_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "READ_VERSIONS", range(3, WIRE_VERSION + 3))
    plain = Whole((Part(1), Part(2)))
    assert plain.to_wire() == {"v": WIRE_VERSION, "parts": [{"number": 1}, {"number": 2}]}
    nested = Whole((Part(1), Part(2, "new")))
    assert nested.to_wire() == {"v": WIRE_VERSION + 1, "parts": [{"number": 1}, {"number": 2, "late": "new"}]}
    assert Whole((), 7).to_wire() == {"v": WIRE_VERSION + 2, "parts": [], "latest": 7}
    for message in (plain, nested, Whole((), 7)):
        assert Whole.from_wire(message.to_wire()) == message


@pytest.mark.parametrize("version", [None, "4", READ_VERSIONS[0] - 1, READ_VERSIONS[-1] + 1])
def test_other_versions_are_refused(version: object) -> None:
    with pytest.raises(InvalidMessage, match="version"):
        contract.PlanJob.from_wire({"v": version, "job_id": "7"})


@pytest.mark.parametrize("change", [{"more": 1}, {"job_id": None}])
def test_fields_that_are_not_known_or_missing_are_refused(change: dict[str, object]) -> None:
    message = {name: value for name, value in ({"v": 4, "job_id": "7"} | change).items() if value is not None}
    with pytest.raises(InvalidMessage, match="fields"):
        contract.PlanJob.from_wire(message)
