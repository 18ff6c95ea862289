"""Only what lies under the roots is read, and every reason not to read it has its code."""

from __future__ import annotations

import errno
import io
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagesearch.errors import PictureRejected, SourceRejected
from imagesearch.failures import FailureCode
from imagesearch.files import paths
from imagesearch.files.beneath import Identity
from imagesearch.files.paths import canonical, open_file, read_file, resolve_directory, resolve_file
from imagesearch.files.roots import Roots
from imagesearch.settings import PictureSettings

LIMITS = PictureSettings()
Reader = Callable[[str, Roots], object]


@pytest.fixture
def root() -> Iterator[Path]:
    """A root that everybody may enter, unlike pytest's own directories."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(os.path.realpath(made))


@contextmanager
def without_privileges() -> Iterator[None]:
    """Drop root's right to read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(before)


def bytes_of(text: str, roots: Roots) -> bytes:
    return read_file(text, roots, LIMITS)[0]


def opened(text: str, roots: Roots) -> None:
    open_file(text, roots).close()


READERS: list[Reader] = [resolve_file, opened, bytes_of]
every_reader = pytest.mark.parametrize("reader", READERS, ids=["resolve_file", "open_file", "read_file"])


def code_of(reader: Reader, text: str, *roots: Path) -> FailureCode:
    with pytest.raises(PictureRejected) as caught:
        reader(text, Roots(roots))
    assert "/" not in caught.value.reason
    return caught.value.code


def kind_of(text: str, *roots: Path) -> str:
    with pytest.raises(SourceRejected) as caught:
        resolve_directory(text, Roots(roots))
    assert "/" not in str(caught.value)
    return caught.value.kind


def test_directories_under_a_root_resolve(root: Path, tmp_path: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "link").symlink_to(root / "a" / "b")
    assert resolve_directory(str(root), Roots((root,))) == root
    assert resolve_directory(f"{root}/a/../a/./b/", Roots((tmp_path, root))) == root / "a" / "b"
    assert resolve_directory(f"{root}/link", Roots((root,))) == root / "a" / "b"


def test_what_is_outside_the_roots_is_forbidden_whether_or_not_it_exists(root: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (root / "link").symlink_to(tmp_path)
    sibling = Path(f"{root}-sibling")
    for text in ("/", "/etc", "/no/such/place", f"{root}/..", f"{root}/../..", str(sibling), str(tmp_path)):
        assert kind_of(text, root) == "forbidden"
    assert kind_of(f"{root}/link", root) == "forbidden"
    assert kind_of(f"{root}/link/there", root) == "forbidden"
    assert kind_of(f"{root}/link/not there", root) == "forbidden"
    assert kind_of(f"/{'x' * 300}", root) == "forbidden"


def test_no_roots_allow_nothing(root: Path) -> None:
    assert kind_of(str(root)) == "forbidden"
    assert code_of(resolve_file, str(root / "a.jpg")) is FailureCode.FORBIDDEN


def test_missing_and_malformed_directories_are_told_apart_from_files(root: Path) -> None:
    (root / "file").write_bytes(b"x")
    (root / "loop").symlink_to(root / "loop")
    (root / "dangling").symlink_to(root / "nothing")
    os.mkfifo(root / "fifo")
    for text in (
        "nothing",
        "file/below",
        "x" * 300,
        "x/" * 3000,
        "loop",
        "loop/below",
        "dangling",
        "a\0b",
        "\ud800",
        "\udcff",
    ):
        assert kind_of(f"{root}/{text}", root) == "missing"
    assert kind_of("", root) == "missing"
    assert kind_of(f"{root}/file", root) == "not_a_directory"
    assert kind_of(f"{root}/fifo", root) == "not_a_directory"
    assert kind_of("pictures", root) == "forbidden"


def test_a_directory_must_be_listable(root: Path) -> None:
    (root / "private" / "inner").mkdir(parents=True)
    (root / "private").chmod(0o000)
    with without_privileges():
        assert kind_of(f"{root}/private", root) == "forbidden"
        assert kind_of(f"{root}/private/inner", root) == "forbidden"


@every_reader
def test_files_under_a_root_are_read(reader: Reader, root: Path) -> None:
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "er" / "ünï 图.jpg").write_bytes(b"data")
    (root / "link.jpg").symlink_to("deep/er/ünï 图.jpg")
    (root / "folder").symlink_to("deep")
    for name in ("deep/er/ünï 图.jpg", "link.jpg", "folder/er/ünï 图.jpg", "deep/../link.jpg"):
        assert reader(f"{root}/{name}", Roots((root,))) in (root / "deep" / "er" / "ünï 图.jpg", b"data", None)


def test_reading_returns_the_bytes_and_the_state_of_the_file(root: Path) -> None:
    path = root / "a.jpg"
    path.write_bytes(b"0123456789")
    os.utime(path, ns=(1, 1_234_567_890_123_456_789))
    data, found = read_file(str(path), Roots((root,)), LIMITS)
    assert data == b"0123456789"
    assert (found.st_size, found.st_mtime_ns) == (10, 1_234_567_890_123_456_789)


@every_reader
def test_files_outside_the_roots_are_forbidden_whether_or_not_they_exist(
    reader: Reader, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "to nothing").symlink_to(tmp_path / "nothing")
    (root / "folder").symlink_to(tmp_path)
    for text in (
        "/etc/passwd",
        "/no/such/file",
        f"{root}/../secret",
        f"{root}/link",
        f"{root}/to nothing",
        f"{root}/folder/secret",
        f"{root}-sibling/a.jpg",
        "a.jpg",
        "../a.jpg",
    ):
        assert code_of(reader, text, root) is FailureCode.FORBIDDEN


@every_reader
def test_what_is_gone_has_vanished(reader: Reader, root: Path) -> None:
    (root / "file").write_bytes(b"x")
    (root / "dangling").symlink_to(root / "nothing")
    for text in (f"{root}/nothing", f"{root}/no/such", f"{root}/file/below", f"{root}/dangling", ""):
        assert code_of(reader, text, root) is FailureCode.VANISHED


@every_reader
def test_names_that_cannot_be_stored_are_unsupported(reader: Reader, root: Path) -> None:
    for name in ("a\0.jpg", "\udcff.jpg", "\ud800.jpg", "x" * 300):
        assert code_of(reader, f"{root}/{name}", root) is FailureCode.UNSUPPORTED_NAME


@every_reader
def test_what_is_no_regular_file_is_told_at_once(reader: Reader, root: Path) -> None:
    """Opening a FIFO that nobody writes to must not wait."""
    (root / "folder").mkdir()
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        for name in ("folder", "fifo", "socket", ""):
            assert code_of(reader, f"{root}/{name}", root) is FailureCode.NOT_A_FILE
    assert code_of(reader, "/dev/null", Path("/dev")) is FailureCode.NOT_A_FILE


@every_reader
def test_a_loop_of_links_is_forbidden(reader: Reader, root: Path) -> None:
    (root / "loop").symlink_to(root / "loop")
    assert code_of(reader, f"{root}/loop", root) is FailureCode.FORBIDDEN


@every_reader
def test_files_without_permission_are_forbidden(reader: Reader, root: Path) -> None:
    (root / "private").mkdir()
    for path in (root / "private" / "a.jpg", root / "b.jpg"):
        path.write_bytes(b"x")
        path.chmod(0o000)
    (root / "private").chmod(0o000)
    with without_privileges():
        assert code_of(reader, f"{root}/b.jpg", root) is FailureCode.FORBIDDEN
        assert code_of(reader, f"{root}/private/a.jpg", root) is FailureCode.FORBIDDEN


def test_a_directory_that_may_be_passed_but_not_listed_is_passed(root: Path) -> None:
    (root / "passage").mkdir()
    (root / "passage" / "a.jpg").write_bytes(b"data")
    (root / "passage").chmod(0o711)
    with without_privileges():
        assert bytes_of(f"{root}/passage/a.jpg", Roots((root,))) == b"data"


def test_size_limits_are_inclusive(root: Path) -> None:
    path = root / "a.jpg"
    path.write_bytes(b"12345")
    assert read_file(str(path), Roots((root,)), PictureSettings(max_file_bytes=5))[0] == b"12345"
    with pytest.raises(PictureRejected) as caught:
        read_file(str(path), Roots((root,)), PictureSettings(max_file_bytes=4))
    assert caught.value.code is FailureCode.TOO_LARGE


def test_a_huge_sparse_file_is_refused_unread(root: Path) -> None:
    with (root / "huge.jpg").open("wb") as file:
        file.truncate(2**40)
    assert code_of(bytes_of, f"{root}/huge.jpg", root) is FailureCode.TOO_LARGE


def test_an_empty_file_is_empty(root: Path) -> None:
    (root / "a.jpg").touch()
    assert code_of(bytes_of, f"{root}/a.jpg", root) is FailureCode.EMPTY


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EIO, FailureCode.IO_ERROR),
        (errno.ESTALE, FailureCode.IO_ERROR),
        (errno.EMFILE, FailureCode.IO_ERROR),
        (errno.EACCES, FailureCode.FORBIDDEN),
        (errno.EPERM, FailureCode.FORBIDDEN),
        (errno.ENOENT, FailureCode.VANISHED),
        (errno.ENXIO, FailureCode.NOT_A_FILE),
    ],
)
def test_what_the_file_system_says_becomes_a_code(
    number: int, code: FailureCode, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number), str(root))

    monkeypatch.setattr(paths, "_open_beneath", fail)
    assert code_of(bytes_of, f"{root}/a.jpg", root) is code


def test_a_disk_that_fails_while_it_is_read_is_an_io_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def fileno(self) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(paths, "open_file", lambda *_: Failing())
    assert code_of(bytes_of, f"{root}/a.jpg", root) is FailureCode.IO_ERROR


@pytest.mark.parametrize("swapped", ["folder/a.jpg", "folder"])
def test_a_link_put_in_the_way_after_the_check_leads_nowhere(
    swapped: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "folder").mkdir()
    (root / "folder" / "a.jpg").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.jpg").write_bytes(b"secret")
    open_beneath = paths._open_beneath

    def swap_then_open(base: Path, path: Path, barred: Set[Identity]) -> int:
        (root / swapped).rename(root / "aside")
        (root / swapped).symlink_to(tmp_path / swapped)
        return open_beneath(base, path, barred)

    monkeypatch.setattr(paths, "_open_beneath", swap_then_open)
    assert code_of(bytes_of, f"{root}/folder/a.jpg", root) in (FailureCode.FORBIDDEN, FailureCode.VANISHED)


def test_no_descriptor_is_left_open(root: Path) -> None:
    (root / "folder").mkdir()
    (root / "folder" / "a.jpg").write_bytes(b"data")
    (root / "folder" / "empty").touch()
    os.mkfifo(root / "fifo")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("folder/a.jpg", "folder/empty", "folder", "fifo", "nothing", "folder/nothing/below"):
        try:
            bytes_of(f"{root}/{name}", Roots((root,)))
        except PictureRejected:
            continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_every_spelling_of_a_path_has_one_form(root: Path) -> None:
    (root / "a").mkdir()
    (root / "a" / "b.jpg").touch()
    (root / "link").symlink_to("a")
    for spelled in ("a/b.jpg", "a//b.jpg", "./a/./b.jpg", "a/../a/b.jpg", "link/b.jpg", "link/../a/b.jpg"):
        assert canonical(f"{root}/{spelled}") == str(root / "a" / "b.jpg")
        assert resolve_file(f"/{root}/{spelled}", Roots((root,))) == root / "a" / "b.jpg"
    assert canonical("//etc//hosts") == "/etc/hosts"
    assert [canonical(text) for text in ("", "a/../b", "/a\0b", "/\ud800")] == ["", "a/../b", "/a\0b", "/\ud800"]


@pytest.mark.parametrize("error", [errno.ENOENT, errno.EINVAL])
@pytest.mark.parametrize(("times", "is_found"), [(1, True), (1_000, False)])
def test_a_link_that_changes_while_it_is_followed_is_no_other_error(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: int, times: int, is_found: bool
) -> None:
    (root / "a").mkdir()
    (root / "a" / "x.jpg").write_bytes(b"picture")
    (root / "link").symlink_to("a")
    real, left = os.readlink, [times]

    def changing(path: str, *args: object, **kwargs: object) -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(error, os.strerror(error))
        return real(path)

    for reader in READERS:
        left[0] = times
        monkeypatch.setattr(os, "readlink", changing)
        if is_found:
            reader(f"{root}/link/x.jpg", Roots((root,)))
        else:
            assert code_of(reader, f"{root}/link/x.jpg", root) is FailureCode.IO_ERROR
    left[0] = times
    assert canonical(f"{root}/link/x.jpg") == str(root / ("a" if is_found else "link") / "x.jpg")
    left[0] = times
    if is_found:
        assert resolve_directory(f"{root}/link", Roots((root,))) == root / "a"
    else:
        assert kind_of(f"{root}/link", root) == "missing"
