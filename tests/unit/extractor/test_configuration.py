from __future__ import annotations

from pathlib import Path

import pytest

from imagesearch.contract import Queue
from imagesearch_extractor.configuration import BadConfiguration, read_configuration
from imagesearch_extractor.settings import ExtractorSettings


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WEIGHTS", "random:7")
    monkeypatch.setenv("COMPUTE_BATCH", "32")
    monkeypatch.setenv("IMAGE_ROOTS", str(tmp_path))
    configuration = read_configuration(Queue.EXTRACT)
    assert (configuration.extractor.weights, configuration.extractor.compute_batch) == ("random:7", 32)
    assert configuration.sources.image_roots == (tmp_path.resolve(),)


def test_a_bulk_extractor_without_roots_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGE_ROOTS", raising=False)
    with pytest.raises(BadConfiguration, match="IMAGE_ROOTS is empty"):
        read_configuration(Queue.EXTRACT)


def test_a_query_extractor_needs_no_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGE_ROOTS", raising=False)
    assert read_configuration(Queue.QUERY).extractor.weights == "imagenet"


def test_a_bad_value_is_one_line_that_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPUTE_DTYPE", "int8")
    monkeypatch.setenv("COMPUTE_BATCH", "many")
    with pytest.raises(BadConfiguration) as caught:
        read_configuration(Queue.QUERY)
    message = str(caught.value)
    assert "COMPUTE_DTYPE: " in message
    assert "COMPUTE_BATCH: " in message
    assert "\n" not in message


@pytest.mark.parametrize(("setting", "cpus", "threads"), [(0, 1, 1), (0, 2, 2), (0, 64, 4), (6, 2, 6)])
def test_reading_threads_follow_the_cores_up_to_what_memory_allows(setting: int, cpus: int, threads: int) -> None:
    assert ExtractorSettings(decode_threads=setting).reading_threads(cpus) == threads


def test_every_setting_says_what_it_does() -> None:
    assert all(field.description for field in ExtractorSettings.model_fields.values())
