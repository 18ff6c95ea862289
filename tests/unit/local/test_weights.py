from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from imagesearch_local import weights
from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "d")
    made.create()
    yield made
    made.remove_distant_sockets()


@pytest.fixture
def said() -> list[str]:
    return []


def prefetch_ends_with(status: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for the extractor's own check of the weights, and return what it was asked for."""
    asked: list[str] = []

    def run(*_: object, env: dict[str, str], **__: object) -> subprocess.CompletedProcess[str]:
        asked.append(env["WEIGHTS"])
        return subprocess.CompletedProcess([], status, "", "a warning\nthe download failed\n")

    monkeypatch.setattr(weights.subprocess, "run", run)
    return asked


def test_the_published_weights_are_taken_where_they_can_be_had(
    layout: Layout, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prefetch_ends_with(0, monkeypatch) == []
    assert weights.settle(layout, "", said.append) == "imagenet"
    assert said == []


def test_an_untrained_network_stands_in_and_says_so_in_every_run(
    layout: Layout, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = prefetch_ends_with(69, monkeypatch)
    assert weights.settle(layout, "", said.append) == "random:0"
    assert "the download failed" in said[0]
    assert "UNTRAINED" in said[1]
    assert weights.settle(layout, "", said.append) == "random:0"
    assert "UNTRAINED" in said[-1]
    assert said[-1].endswith("make demo WEIGHTS=imagenet")
    assert asked == ["imagenet"]


@pytest.mark.parametrize("status", [69, 78, 1])
def test_weights_that_were_asked_for_are_had_or_are_an_error(
    layout: Layout, said: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefetch_ends_with(status, monkeypatch)
    with pytest.raises(StackFailed, match=r"^the download failed$"):
        weights.settle(layout, "imagenet", said.append)
    assert not layout.weights.exists()


def test_a_broken_setting_is_never_replaced(
    layout: Layout, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prefetch_ends_with(78, monkeypatch)
    with pytest.raises(StackFailed):
        weights.settle(layout, "", said.append)


def test_data_goes_on_with_the_weights_it_was_made_with(
    layout: Layout, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = prefetch_ends_with(0, monkeypatch)
    assert weights.settle(layout, "random:7", said.append) == "random:7"
    assert weights.settle(layout, "", said.append) == "random:7"
    assert asked == []
