"""Files are sent in parallel, each content once, whatever happens to them or to the API meanwhile."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from imagesearch.failures import FailureCode
from imagesearch_client import ApiError
from imagesearch_client.folder_upload import Delivery, FolderUpload, Labels, LocalFile, Loss, Stop, Walk
from imagesearch_client.folder_upload import run as running
from imagesearch_client.folder_upload.delivery import ABOUT_ONE_FILE
from support.fake_api import FakeApi
from support.upload_api import IMAGES, UploadApi, refused

LABELS = Labels()


@pytest.fixture
def store(api: FakeApi) -> UploadApi:
    return UploadApi(api)


def write(root: Path, contents: dict[str, bytes]) -> Walk:
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return Walk([str(root)])


def send(
    store: UploadApi, files: Iterable[LocalFile | Loss], labels: Labels = LABELS, stop: Stop | None = None
) -> list[Delivery]:
    upload = FolderUpload(store.api.client(), labels, max_bytes=100, stop=stop)
    return sorted(upload.run(files), key=lambda delivery: delivery.path)


def outcomes(deliveries: list[Delivery]) -> list[str]:
    return [delivery.code or str(delivery.outcome) for delivery in deliveries]


def test_a_second_run_sends_nothing(store: UploadApi, tmp_path: Path) -> None:
    walk = write(tmp_path, {f"{number}.jpg": b"%d" % number for number in range(30)})
    assert outcomes(send(store, walk)) == ["sent"] * 30
    assert store.uploads == 30
    again = send(store, Walk([str(tmp_path)]))
    assert outcomes(again) == ["unchanged"] * 30
    assert {delivery.id for delivery in again} == set(range(1, 31))
    assert store.uploads == 30


def test_a_run_goes_on_where_the_one_before_was_cut_short(store: UploadApi, tmp_path: Path) -> None:
    walk = write(tmp_path, {f"{number}.jpg": b"%d" % number for number in range(10)})
    store.kept |= {hashlib.sha256(b"%d" % number).hexdigest(): number for number in range(7)}
    assert sorted(outcomes(send(store, walk))) == ["sent"] * 3 + ["unchanged"] * 7
    assert store.uploads == 3


def test_equal_files_are_sent_once(store: UploadApi, tmp_path: Path) -> None:
    walk = write(tmp_path, {f"{number}.jpg": b"same" for number in range(40)})
    assert sorted(outcomes(send(store, walk))) == ["sent"] + ["unchanged"] * 39
    assert store.uploads == 1


def test_equal_files_in_hand_at_once_are_sent_once_and_wait(
    store: UploadApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is not taken before another thread waits for what becomes of it."""
    walk = write(tmp_path, {f"{number}.jpg": b"same" for number in range(16)})
    waited_for, take = Event(), store._take

    class Noticed(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:
            waited_for.set()
            return super().result(timeout)

    def take_late(request: httpx.Request) -> httpx.Response:
        assert waited_for.wait(60)
        return take(request)

    monkeypatch.setattr(running, "Future", Noticed)
    store.api._script["POST", IMAGES] = [take_late]
    assert sorted(outcomes(send(store, walk))) == ["sent"] + ["unchanged"] * 15
    assert store.uploads == 1


@pytest.mark.parametrize(("code", "sent"), [("truncated", 1), ("invalid_request", 4)])
def test_what_is_refused_for_its_content_is_sent_once(
    store: UploadApi, tmp_path: Path, code: str, sent: int
) -> None:
    walk = write(tmp_path, {f"{number}.jpg": b"same" for number in range(4)})
    store.refuses[b"same"] = refused(400, code)
    assert outcomes(list(FolderUpload(store.api.client(), LABELS, parallel=1).run(walk))) == [code] * 4
    assert store.uploads == sent


def test_each_failure_has_a_code_and_the_others_are_sent(store: UploadApi, tmp_path: Path) -> None:
    walk = write(tmp_path, {"a.jpg": b"a", "broken.jpg": b"broken", "empty.jpg": b"", "large.jpg": b"l" * 101})
    store.refuses[b"broken"] = refused(400, "truncated")
    listed: list[LocalFile | Loss] = [*walk, Loss("/locked", "forbidden", "Permission denied")]
    listed += [LocalFile(str(tmp_path / "gone.jpg"), "gone.jpg"), LocalFile(str(tmp_path), "folder")]
    found = {Path(delivery.path).name: delivery.code for delivery in send(store, listed)}
    assert found == {
        "a.jpg": None,
        "broken.jpg": "truncated",
        "empty.jpg": "empty",
        "large.jpg": "too_large",
        "locked": "forbidden",
        "gone.jpg": "vanished",
        tmp_path.name: "not_a_file",
    }
    assert store.uploads == 2


def test_a_link_that_takes_the_place_of_a_file_is_not_read(store: UploadApi, tmp_path: Path) -> None:
    write(tmp_path, {"secret": b"secret"})
    (tmp_path / "a.jpg").symlink_to(tmp_path / "secret")
    [delivery] = send(store, [LocalFile(str(tmp_path / "a.jpg"), "a.jpg")])
    assert (delivery.code, store.kept) == ("io_error", {})
    assert outcomes(send(store, [LocalFile(str(tmp_path / "a.jpg"), "a.jpg", is_link=True)])) == ["sent"]


def test_a_file_that_changes_before_it_is_sent_is_told_of(
    store: UploadApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = write(tmp_path, {"a.jpg": b"half"})
    whole = running.bytes_of

    def write_on(path: str, **options: object) -> bytes:
        Path(path).write_bytes(b"half and half")
        return whole(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "bytes_of", write_on)
    assert outcomes(send(store, walk)) == ["changed"]
    assert store.uploads == 0
    monkeypatch.undo()
    assert outcomes(send(store, Walk([str(tmp_path)]))) == ["sent"]


def test_a_file_that_is_written_to_while_it_is_read_is_not_sent(
    store: UploadApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = write(tmp_path, {"a.jpg": b"old"})
    digest = running.digest_of

    def touch(path: str, **options: object) -> str:
        found = digest(path, **options)  # type: ignore[arg-type]
        status, times = os.fstat, iter(range(10))

        def aging(descriptor: int) -> os.stat_result:
            os.utime(path, ns=(next(times), next(times)))
            return status(descriptor)

        monkeypatch.setattr(os, "fstat", aging)
        return found

    monkeypatch.setattr(running, "digest_of", touch)
    assert outcomes(send(store, walk)) == ["changed"]
    assert store.uploads == 0


@pytest.mark.parametrize("code", ["quota_exceeded", "uploads_off", "not_allowed", "wrong_pipeline"])
def test_what_would_be_refused_for_every_file_ends_the_run(store: UploadApi, tmp_path: Path, code: str) -> None:
    walk = write(tmp_path, {f"{number}.jpg": b"%d" % number for number in range(200)})
    store.refuses |= {b"%d" % number: refused(409, code) for number in range(200)}
    with pytest.raises(ApiError, match=code):
        send(store, walk)
    assert store.uploads <= running.PARALLEL


def test_it_is_known_of_each_code_whether_it_is_about_one_picture() -> None:
    """The client imports nothing of the server, so a code that is new has to be decided about here."""
    about_all = {FailureCode.WRONG_PIPELINE, FailureCode.QUOTA_EXCEEDED}
    of_other_jobs = {FailureCode.INVALID_LINE, FailureCode.VECTOR_LOST, FailureCode.REMOVED}
    of_files_there = {FailureCode.VANISHED, FailureCode.FORBIDDEN, FailureCode.NOT_A_FILE, FailureCode.IO_ERROR}
    of_names_there = {FailureCode.UNSUPPORTED_NAME, FailureCode.CRASHES_WORKER}
    about_one = set(FailureCode) - about_all - of_other_jobs - of_files_there - of_names_there
    assert about_one <= ABOUT_ONE_FILE
    assert not about_all & ABOUT_ONE_FILE


def test_a_run_that_is_stopped_ends_with_what_is_in_hand(store: UploadApi, tmp_path: Path) -> None:
    walk = write(tmp_path, {f"{number}.jpg": b"%d" % number for number in range(200)})
    stop = Stop()
    run = FolderUpload(store.api.client(), LABELS, stop=stop).run(walk)
    next(run)
    run.close()
    sent = store.uploads
    assert sent < 200
    assert outcomes(send(store, Walk([str(tmp_path)]))).count("sent") == 200 - sent


def test_no_more_is_sent_than_somebody_looks_at(
    store: UploadApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "MAX_WAITING", 5)
    listed = 0

    def endless() -> Iterator[Loss]:
        nonlocal listed
        while True:
            listed += 1
            yield Loss("/a", "forbidden", "no")

    run = FolderUpload(store.api.client(), LABELS).run(endless())
    for _ in range(20):
        next(run)
    run.close()
    # What was looked at, what waits, and what each thread has in hand.
    assert listed <= 20 + 5 + running.PARALLEL * running.MAX_TAKEN


def test_the_name_is_kept_where_it_is_asked_for(store: UploadApi, tmp_path: Path) -> None:
    write(tmp_path, {"b/a.jpg": b"a"})
    labels = Labels(metadata={"year": 1999}, name_field="file")
    bad = os.fsdecode(b"\xff.jpg")
    (tmp_path / bad).write_bytes(b"b")
    assert sorted(outcomes(send(store, Walk([str(tmp_path)]), labels))) == ["sent", "unsupported_name"]
    assert store.metadata == {1: {"year": 1999, "file": "b/a.jpg"}}


def test_a_pause_ends_when_no_more_is_wanted() -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(running.Stopped):
        stop.pause(3600)
