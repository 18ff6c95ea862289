"""A job is followed by the events that the API sends, and by asking where it sends none."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

import httpx
import pytest

from imagesearch_client import ApiError, Job, ProtocolError, StillRunning, Unavailable
from imagesearch_client.event_stream import MAX_EVENT_BYTES, EventReader
from support.fake_api import FakeApi, job, ok, problem

JOB = "/api/v2/jobs/17"
EVENTS = f"{JOB}/events"
AWAY = problem(503, "redis is not available")


def event(**changes: Any) -> bytes:
    return f"event: progress\nid: 7\ndata: {json.dumps(job(**changes))}\n\n".encode()


def stream(*chunks: bytes | Exception, content_type: str = "text/event-stream; charset=utf-8") -> Any:
    def sent() -> Iterator[bytes]:
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    return lambda _: httpx.Response(200, headers={"Content-Type": content_type}, content=sent())


END = event(state="succeeded", ended=True, indexed=480)


def test_each_event_is_the_job_as_it_moved(api: FakeApi) -> None:
    api.on("GET", EVENTS, stream(event(indexed=1), b":\n\n", event(indexed=2), event(indexed=2), END))

    assert [each.indexed for each in api.client().events("17")] == [1, 2, 480]
    assert api.asked == [f"GET {EVENTS}"]
    assert api.requests[0].headers["Accept"] == "text/event-stream"
    assert api.clock.sleeps == []


def test_a_stream_that_ended_or_was_cut_is_taken_up_again(api: FakeApi) -> None:
    cut = httpx.ReadError("[Errno 104] Connection reset by peer")
    api.on("GET", EVENTS, stream(event(indexed=1)), stream(event(indexed=1), event(indexed=2), cut), stream(END))

    assert [each.indexed for each in api.client().events("17", poll_seconds=2.0)] == [1, 2, 480]
    assert api.clock.sleeps == [2.0, 2.0]


@pytest.mark.parametrize("refusal", [problem(429, "busy", retry_after="1"), AWAY, httpx.ReadTimeout("silent")])
def test_who_is_sent_no_events_asks_and_tries_them_again_after_a_minute(
    api: FakeApi, refusal: httpx.Response | Exception
) -> None:
    api.on("GET", EVENTS, refusal, stream(END))
    api.on("GET", JOB, ok(job(indexed=1)))

    ended = api.client().wait("17", poll_seconds=20.0)

    assert ended.state == "succeeded"
    assert api.asked == [f"GET {EVENTS}", *[f"GET {JOB}"] * 3, f"GET {EVENTS}"]
    assert api.clock.sleeps == [20.0] * 3


def test_who_is_never_sent_events_asks_for_them_ever_less(api: FakeApi) -> None:
    api.on("GET", EVENTS, problem(429, "busy", retry_after="1"))
    api.on("GET", JOB, *[ok(job(indexed=1))] * 50, ok(job(ended=True)))

    assert api.client().wait("17", poll_seconds=20.0).ended
    polls = [len([*group]) for asked, group in groupby(api.asked) if asked == f"GET {JOB}"]
    # In one minute, then two, four and eight.
    assert polls == [3, 6, 12, 24, 6]


def test_an_api_that_is_away_between_two_streams_is_waited_for(api: FakeApi) -> None:
    refused = httpx.ConnectError("refused")
    told: list[str] = []
    api.on("GET", EVENTS, stream(event(indexed=1)), refused)
    api.on("GET", JOB, refused, AWAY, ok(job(ended=True)))

    assert api.client().wait("17", on_unavailable=lambda reason, _: told.append(str(reason))).ended
    assert told == ["cannot reach http://api.test: refused", "redis is not available"]


def test_a_job_that_is_not_there_ends_the_wait_at_once(api: FakeApi) -> None:
    api.on("GET", EVENTS, problem(404, "There is no job '17'."))

    with pytest.raises(ApiError, match="There is no job"):
        api.client().wait("17")

    assert api.asked == [f"GET {EVENTS}"]


def test_another_server_sends_no_events(api: FakeApi) -> None:
    api.on("GET", EVENTS, stream(b"<html>", content_type="text/html"))

    with pytest.raises(ProtocolError, match="answered with text/html"):
        api.client().wait("17")


@pytest.mark.parametrize("at_once", [1, 3, 10_000])
def test_events_are_read_however_they_arrive(at_once: int) -> None:
    # Line separators that JSON need not escape end no line of a stream.
    sent = event(error="ligne\u2028 deux\x85 trois", source="/photos/é").replace(b"\n", b"\r\n") + b"retry: 1\n\n"
    sent += json.dumps({"a": "\u2028"}, ensure_ascii=False).join(["data: ", "\n\n"]).encode()
    reader = EventReader()
    read = [each for begin in range(0, len(sent), at_once) for each in reader.feed(sent[begin : begin + at_once])]
    assert [each.get("source") for each in read] == ["/photos/é", None]
    assert read[1] == {"a": "\u2028"}


@pytest.mark.parametrize(
    "sent",
    [
        b"data: {\n\n",
        b"data: " + b"x" * MAX_EVENT_BYTES,
        (b"data: " + b"x" * 1000 + b"\n") * (MAX_EVENT_BYTES // 1000),
    ],
)
def test_what_is_no_event_is_not_taken_for_one(sent: bytes) -> None:
    with pytest.raises(ProtocolError, match="an event"):
        list(EventReader().feed(sent))


def test_waiting_ends_when_its_time_is_up(api: FakeApi) -> None:
    api.on("GET", JOB, ok(job("paused")))

    with pytest.raises(StillRunning, match=r"job 17 has not ended after 5 s: it is paused") as caught:
        api.client().wait("17", timeout=5.0)

    assert isinstance(caught.value, TimeoutError)
    assert sum(api.clock.sleeps) == 5.0


def test_an_api_that_is_away_is_not_waited_for_beyond_the_time(api: FakeApi) -> None:
    api.on("GET", JOB, httpx.ConnectError("refused"))

    with pytest.raises(Unavailable):
        api.client().wait("17", timeout=5.0)

    assert sum(api.clock.sleeps) <= 5.0


def test_a_job_can_be_waited_for_and_tells_its_progress(api: FakeApi) -> None:
    seen: list[int] = []
    api.on("POST", "/api/v2/jobs", ok(job("planning", indexed=0), 202))
    api.on("GET", EVENTS, stream(event(indexed=1), END))

    ended = api.client().submit_job("/photos").wait(progress=lambda at: seen.append(at.indexed))

    assert (ended.state, seen) == ("succeeded", [1, 480])


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry"])
def test_a_job_is_controlled_by_its_own_verbs(api: FakeApi, verb: str) -> None:
    api.on("GET", JOB, ok(job()))
    api.on("POST", f"{JOB}/{verb}", ok(job("changed")))

    assert getattr(api.client().job("17"), verb)().state == "changed"


def test_a_job_lists_what_failed_and_who_was_told(api: FakeApi) -> None:
    failure = {"path": "/a.jpg", "code": "truncated", "reason": "it ends early"}
    api.on("GET", JOB, ok(job()), ok(job(indexed=241)))
    api.on("GET", EVENTS, stream(END))
    api.on("GET", f"{JOB}/failures", ok({"items": [failure], "next": None}))
    api.on("GET", f"{JOB}/callbacks", ok({"items": [], "next": None}))

    known = api.client().job("17")

    assert [each.code for each in known.failures()] == ["truncated"]
    assert list(known.callbacks()) == []
    assert known.refresh().indexed == 241
    assert [each.state for each in known.events()] == ["succeeded"]


def test_a_job_is_its_answer_wherever_it_is_written_down(api: FakeApi) -> None:
    api.on("GET", JOB, ok(job()))
    plain = Job.parse(job())

    known = api.client().job("17")

    assert isinstance(known, Job)
    assert asdict(known) == asdict(plain)
    assert pickle.loads(pickle.dumps(known)).id == "17"  # noqa: S301 - its own
