"""Messages survive the wire unchanged, and nothing else is taken for one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.serialization import dumps, loads

from imagesearch.contract import (
    ExtractBatch,
    ExtractedImage,
    ExtractItem,
    FailedImage,
    IndexBatch,
    PlanJob,
    Queue,
    TaskName,
    UnchangedImage,
    pack_vectors,
    unpack_vectors,
)
from imagesearch.errors import InvalidMessage
from imagesearch.failures import CONTENT_FAILURES, FailureCode
from imagesearch.networks import VGG16
from imagesearch.photo_facts import Fact
from imagesearch.pipeline import Preprocessing
from imagesearch.query_contract import (
    ExplainedCells,
    ExplainPixels,
    QueryPixels,
    QueryVectors,
    unpack_cells,
    unpack_pixels,
)
from imagesearch.wire import READ_VERSIONS, WIRE_VERSION, Message

MESSAGES: list[Message] = [
    PlanJob("job"),
    ExtractBatch("job", 7, None, Preprocessing().to_dict(), ()),
    ExtractBatch(
        "job",
        7,
        "vgg16-max-512:abc",
        Preprocessing().to_dict(),
        (ExtractItem(1, "/data/ünï 图.jpg", None, 0), ExtractItem(2**62, "/data/b.jpg", "00ff", 2**61)),
        bound_roots=("/data/a", "/data/b"),
    ),
    IndexBatch(
        "job",
        7,
        "vgg16-max-512:abc",
        (ExtractedImage(1, "00ff", 10, 1_700_000_000_000_000_000, 640, 480, "JPEG", 0),),
        bytes(range(256)) * 8,
        (UnchangedImage(2, "00ff", 10, 5, 2**61),),
        (FailedImage(3, FailureCode.TRUNCATED, "the JPEG data ends before the picture is complete", 2**62),),
    ),
    QueryPixels(1, bytes(VGG16.side * VGG16.side * 3), VGG16.side, 1_700_000_000.5),
    QueryVectors("vgg16-max-512:abc", bytes(VGG16.dimension * 4)),
    ExplainPixels(bytes(2 * 32 * 32 * 3), 32, 5.0, "gem", bytes(VGG16.dimension * 4)),
    ExplainedCells("vgg16-max-512:abc", 1, 1, bytes(8), 0.75, (0.5, 0.25)),
    ExplainedCells("vgg16-max-512:abc", refusal="too late"),
    ExtractBatch("job", 7, None, Preprocessing().to_dict(), (), facts=(Fact.CAMERA, Fact.PLACE)),
]


def over_the_wire(message: Message) -> dict[str, Any]:
    """Send a message through the serializer that Celery uses."""
    content_type, encoding, body = dumps(message.to_wire(), serializer="msgpack")
    received: dict[str, Any] = loads(body, content_type, encoding, accept=["application/x-msgpack"])
    return received


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_messages_survive_the_wire(message: Message) -> None:
    received = type(message).from_wire(over_the_wire(message))
    assert received == message
    assert received.to_wire() == message.to_wire()


def test_codes_come_back_as_codes_and_bytes_as_bytes() -> None:
    batch = IndexBatch.from_wire(over_the_wire(MESSAGES[3]))
    assert batch.failures[0].code is FailureCode.TRUNCATED
    assert type(batch.vectors) is bytes
    assert type(batch.images) is tuple


def test_the_wire_carries_plain_values_only() -> None:
    def assert_plain(value: object) -> None:
        assert type(value) in (dict, list, str, int, float, bytes, bool, type(None)), type(value)
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            assert_plain(part)

    for message in MESSAGES:
        assert_plain(message.to_wire())


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_field_must_be_there_and_no_other(message: Message) -> None:
    wire = message.to_wire()
    # What was added to a message may be missing: older releases do not know it.
    for field in wire.keys() - {each.name for each in fields(message) if "since" in each.metadata}:
        with pytest.raises(InvalidMessage):
            type(message).from_wire({name: value for name, value in wire.items() if name != field})
    with pytest.raises(InvalidMessage, match="extra"):
        type(message).from_wire({**wire, "extra": 1})
    with_a_number: dict[Any, Any] = {**wire, 7: 1, "extra": 2}
    with pytest.raises(InvalidMessage):
        type(message).from_wire(with_a_number)


@pytest.mark.parametrize("version", [None, 0, READ_VERSIONS[-1] + 1, str(WIRE_VERSION)])
def test_another_version_is_refused_by_name(version: object) -> None:
    with pytest.raises(InvalidMessage, match="PlanJob: version"):
        PlanJob.from_wire({"v": version, "job_id": "job"})


@pytest.mark.parametrize("wire", [None, [], "PlanJob", b"", 1, {}, {"v": WIRE_VERSION}])
def test_what_is_no_message_is_refused(wire: object) -> None:
    with pytest.raises(InvalidMessage):
        PlanJob.from_wire(wire)


@pytest.mark.parametrize(
    ("message", "field", "value"),
    [
        (PlanJob, "job_id", 7),
        (PlanJob, "job_id", None),
        (PlanJob, "job_id", b"job"),
        (UnchangedImage, "image_id", "1"),
        (UnchangedImage, "image_id", True),
        (UnchangedImage, "image_id", 1.0),
        (UnchangedImage, "expected_version", "70"),
        (FailedImage, "code", "no such code"),
        (FailedImage, "code", 3),
        (ExtractBatch, "items", [1]),
        (ExtractBatch, "items", "items"),
        (
            ExtractBatch,
            "items",
            [{"image_id": 1, "path": "/a.jpg", "known_sha256": 5, "expected_version": 1}],
        ),
        (
            ExtractBatch,
            "items",
            [{"image_id": 1, "path": "/a.jpg", "known_sha256": None, "expected_version": "1"}],
        ),
        (ExtractBatch, "preprocessing", []),
        (ExtractBatch, "model", 3),
        (QueryPixels, "seconds", "soon"),
        (QueryPixels, "pixels", "text"),
    ],
)
def test_a_field_of_another_type_is_refused_by_name(message: type[Message], field: str, value: object) -> None:
    wires = {
        UnchangedImage: UnchangedImage(1, "00ff", 2, 3, 0).to_wire(),
        FailedImage: FailedImage(1, FailureCode.EMPTY, "why", 0).to_wire(),
    } | {type(made): made.to_wire() for made in MESSAGES}
    with pytest.raises(InvalidMessage, match=r"^\w+\.\w+: "):
        message.from_wire({**wires[message], field: value})


def test_whole_seconds_are_a_time_too() -> None:
    wire = {**QueryPixels(1, b"", 224, 5.0).to_wire(), "seconds": 5}
    assert type(QueryPixels.from_wire(wire).seconds) is float


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
)


@given(st.sampled_from(MESSAGES), st.data())
def test_nothing_on_the_wire_raises_anything_else(message: Message, data: st.DataObject) -> None:
    wire = message.to_wire()
    field = data.draw(st.sampled_from(sorted(wire)))
    for received in ({**wire, field: data.draw(plain)}, data.draw(plain)):
        with suppress(InvalidMessage):
            assert isinstance(type(message).from_wire(received), type(message))


def test_messages_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        PlanJob("job").job_id = "other"  # type: ignore[misc]


def test_vectors_are_packed_little_endian_row_by_row() -> None:
    vectors = np.arange(2 * VGG16.dimension, dtype=np.float32).reshape(2, VGG16.dimension)
    packed = pack_vectors(vectors)
    assert packed[4:8] == b"\0\0\x80\x3f"
    assert np.array_equal(unpack_vectors(packed, 2, VGG16.dimension), vectors)
    assert pack_vectors(vectors.astype(">f4")) == packed
    assert pack_vectors(np.asfortranarray(vectors)) == packed
    assert unpack_vectors(b"", 0, VGG16.dimension).shape == (0, VGG16.dimension)


@pytest.mark.parametrize(
    ("size", "count"), [(0, 1), (VGG16.dimension * 4, 2), (VGG16.dimension * 4 - 1, 1), (VGG16.dimension * 4, 0)]
)
def test_vectors_of_another_length_are_refused(size: int, count: int) -> None:
    with pytest.raises(InvalidMessage, match="vectors"):
        unpack_vectors(bytes(size), count, VGG16.dimension)


def test_pixels_come_back_in_shape() -> None:
    pixels = np.arange(2 * 64 * 64 * 3).astype(np.uint8).reshape(2, 64, 64, 3)
    assert np.array_equal(unpack_pixels(pixels.tobytes(), 2, 64), pixels)
    for count, side in ((1, 64), (2, 32), (0, 64), (2, 0), (-2, 64)):
        with pytest.raises(InvalidMessage, match="pixels"):
            unpack_pixels(pixels.tobytes(), count, side)


def test_cells_come_back_in_shape() -> None:
    cells = np.arange(2 * 14 * 7, dtype=np.float32).reshape(2, 14, 7)
    assert np.array_equal(unpack_cells(pack_vectors(cells), 14, 7), cells)
    for height, width in ((7, 7), (0, 98), (-14, -7)):
        with pytest.raises(InvalidMessage, match="cells"):
            unpack_cells(pack_vectors(cells), height, width)


def test_tasks_have_dotted_names_of_their_own_and_queues_stay_what_scalers_watch() -> None:
    assert all(name.startswith("imagesearch.") for name in TaskName)
    assert len(set(TaskName)) == len(TaskName)
    assert {str(queue) for queue in Queue} == {"plan", "extract", "index", "query", "reconcile"}


def test_a_lost_file_says_nothing_about_what_lies_at_its_path() -> None:
    assert not CONTENT_FAILURES & {FailureCode.VANISHED, FailureCode.FORBIDDEN, FailureCode.IO_ERROR}
