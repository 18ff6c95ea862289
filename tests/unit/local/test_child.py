"""What the stack writes is kept to its last line, and the thread that copies it ends with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imagesearch_local.child import StackProcess
from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import Layout


@pytest.fixture
def stack(tmp_path: Path) -> StackProcess:
    return StackProcess(Layout.at(tmp_path / "data"), 1, [tmp_path], "random:1")


def runs(stack: StackProcess, code: str) -> None:
    """Let it run a program of the test's own."""
    stack._command = [sys.executable, "-c", code]
    stack.start()


def test_its_last_words_are_the_reason_that_is_given(stack: StackProcess) -> None:
    runs(stack, "print('up'); print('no space left'); raise SystemExit(3)")
    assert stack.wait() == 3
    with pytest.raises(StackFailed, match="ended with status 3: no space left"):
        stack.raise_if_ended()
    assert stack.log.read_text() == "up\nno space left\n"


def test_stopping_ends_it_and_its_copier_once_all_is_written(stack: StackProcess) -> None:
    runs(stack, "import signal; print('up', flush=True); signal.pause()")
    stack.stop()
    stack.stop()
    assert stack.wait() != 0
    assert stack.log.read_text() in ("", "up\n")


def test_one_that_was_never_started_stops_too(stack: StackProcess) -> None:
    stack.stop()
    stack.raise_if_ended()


def test_a_log_that_cannot_be_written_is_an_error_before_anything_runs(stack: StackProcess) -> None:
    stack.log.mkdir()
    with pytest.raises(OSError, match=r"stack\.log"):
        runs(stack, "raise SystemExit(0)")
    assert stack.wait() == 0
