"""A bucket keeps whole objects, and never takes a store that is away for one that has nothing."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import socket
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from imagesearch.doctor.diagnosis import Verdict
from imagesearch.doctor.of_files import examine_files
from imagesearch.errors import StoreUnavailable
from imagesearch.files.bucket import Bucket
from imagesearch.files.paths import read_file
from imagesearch.files.roots import Roots
from imagesearch.files.uploaded_objects import UploadedObjects
from imagesearch.settings import PictureSettings, SourceSettings

pytestmark = pytest.mark.integration

SECRET = "never-to-be-told"  # noqa: S105
TIMEOUT = 60.0
"""As long as the machine may be busy."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Run an object store, and let the client's one thread begin, which it keeps."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415, RUF100

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        server.start()
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        maker = Bucket("s3://pictures", url, TIMEOUT)
        maker._call("create_bucket")
        yield url
        server.stop()


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest) -> Bucket:
    """Return a place of its own for each test."""
    return Bucket(f"s3://pictures/{request.node.name.partition('[')[0]}/uploads", endpoint, TIMEOUT)


def test_an_object_is_written_read_by_ranges_listed_and_removed(bucket: Bucket) -> None:
    assert (bucket.facts("1/a"), list(bucket.listed("")), bucket.folders()) == (None, [], set())
    bucket.put("1/a", b"0123456789")
    bucket.put("1/ab", b"")
    bucket.put("2/b", b"b")
    assert bucket.get("1/a", 0, 10) == b"0123456789"
    assert bucket.get("1/a", 8, 10) == b"89"
    facts = bucket.facts("1/a")
    assert facts is not None
    assert facts.st_size == 10
    assert facts.st_mtime_ns > 1e18
    assert bucket.facts("1/") is None, "no object has this key, although one begins so"
    assert [key for key, _ in bucket.listed("1/")] == ["1/a", "1/ab"]
    assert bucket.folders() == {"1", "2"}
    for _ in range(2):
        bucket.delete(["1/a"])
        bucket.delete(["1/ab", "2/b"])
    bucket.delete([])
    assert list(bucket.listed("")) == []
    with pytest.raises(FileNotFoundError) as gone:
        bucket.get("1/a", 0, 10)
    assert gone.value.errno == errno.ENOENT


def test_more_than_a_page_is_listed(bucket: Bucket) -> None:
    for number in range(3):
        bucket.put(f"{number}/x", b"")
    call = bucket._call

    def a_page_at_a_time(method: str, **wanted: object) -> object:
        return call(method, **({**wanted, "MaxKeys": 1} if method == "list_objects_v2" else wanted))

    bucket._call = a_page_at_a_time  # type: ignore[method-assign]
    assert [key for key, _ in bucket.listed("")] == ["0/x", "1/x", "2/x"]
    assert bucket.folders() == {"0", "1", "2"}


def test_a_bucket_that_is_not_there_is_away_and_has_lost_nothing(endpoint: str) -> None:
    bucket = Bucket("s3://elsewhere/uploads", endpoint, TIMEOUT)
    calls = (
        lambda: bucket.put("a", b""),
        lambda: bucket.get("a", 0, 1),
        lambda: bucket.facts("a"),
        lambda: list(bucket.listed("")),
        bucket.folders,
        lambda: bucket.delete(["a", "b"]),
    )
    for call in calls:
        with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
            call()


def test_a_store_that_refuses_connections_or_never_answers_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StoreUnavailable, match="uploads is not available"):
            Bucket("s3://pictures", url, 0.5).facts("a")
    with pytest.raises(StoreUnavailable, match="EndpointConnectionError"):
        Bucket("s3://pictures", url, TIMEOUT).get("a", 0, 1)


def test_a_call_ends_in_time_however_slowly_the_store_goes_on(endpoint: str) -> None:
    with pytest.raises(StoreUnavailable, match="Timeout"):
        Bucket("s3://pictures", endpoint, 0.1)._run(asyncio.sleep(3600))


def test_settings_lead_to_uploads_in_a_bucket(endpoint: str, tmp_path: Path) -> None:
    data = b"picture"
    sources = SourceSettings(
        upload_root=tmp_path / "uploads", uploads_url="s3://pictures/by/settings", uploads_endpoint_url=endpoint
    )
    roots = Roots.of(sources)
    uploads = roots.upload_store
    assert isinstance(uploads, UploadedObjects)
    path = uploads.path_of(1, "anna", hashlib.sha256(data).hexdigest(), "PNG")
    assert uploads.store(path, data) == uploads.store(path, data)
    assert read_file(str(path), roots, PictureSettings())[0] == data
    assert uploads.state(str(path), contents=True) == "whole"
    uploads.remove(str(path), lambda: False)
    assert uploads.state(str(path)) == "missing"
    assert list(uploads.objects.listed("")) == []
    assert not uploads.root.exists()


@pytest.mark.parametrize(("name", "verdict"), [("pictures", Verdict.OK), ("elsewhere", Verdict.PROBLEM)])
def test_the_doctor_looks_at_the_store(endpoint: str, tmp_path: Path, name: str, verdict: Verdict) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "a.png").touch()
    bucket = Bucket(f"s3://{name}/doctor", endpoint, TIMEOUT)
    uploads = UploadedObjects(tmp_path / "uploads", bucket)
    _, line = examine_files(Roots((tmp_path / "library",), uploads.root, uploads))
    assert (line.subject, line.verdict) == ("uploads in the object store", verdict)
    assert SECRET not in str(asdict(line))
    if verdict is Verdict.OK:
        assert list(bucket.listed("")) == []
