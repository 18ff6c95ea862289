from __future__ import annotations

from pathlib import Path

import pytest

from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import Layout


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for sockets whose own path is short."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_every_spelling_of_a_directory_is_the_same_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert Layout.at("link") == Layout.at("real") == Layout.at(tmp_path / "x" / ".." / "real")


def test_sockets_lie_in_the_data_directory_where_its_path_allows() -> None:
    assert Layout(Path("/srv/pictures")).sockets == Path("/srv/pictures/run")


@pytest.mark.parametrize("name", ["x" * 90, "with space", "with,comma", "with%percent", "with#sign", "näme"])
def test_sockets_lie_elsewhere_where_the_path_is_too_long_or_would_need_quoting(
    temporary: Path, name: str
) -> None:
    first, second = Layout(Path("/srv") / name), Layout(Path("/srv") / f"{name}2")
    assert first.sockets.parent == temporary
    assert first.sockets != second.sockets


def test_new_directories_are_their_owners_alone(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path / "data")
    layout.create()
    assert {path.stat().st_mode & 0o077 for path in (layout.data_dir, layout.run, layout.postgres)} == {0}
    layout.remove_distant_sockets()


def test_a_directory_of_sockets_that_others_may_enter_is_refused(temporary: Path) -> None:
    layout = Layout(temporary / "with space")
    layout.sockets.mkdir(mode=0o777)
    layout.sockets.chmod(0o777)
    with pytest.raises(StackFailed, match="only its owner"):
        layout.create()


def test_a_data_directory_that_is_a_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackFailed, match="DATA_DIR="):
        Layout.at(tmp_path / "file").create()
