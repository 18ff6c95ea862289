"""Two vectors meet only when everything that made them is the same."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagesearch import pipeline
from imagesearch.errors import InvalidMessage
from imagesearch.networks import RESNET50, UNPOOLED, VGG16, NetworkSpec
from imagesearch.pictures.decode import decode
from imagesearch.pipeline import (
    PipelineRejected,
    Preprocessing,
    Preset,
    Resize,
    fingerprint,
    model_identity,
    pipeline_of,
    pooled_model,
)
from imagesearch.settings import PictureSettings

MODEL = model_identity("ab" * 32)


def test_options_survive_json() -> None:
    options = Preprocessing(
        "lanczos", trim_borders=False, border_tolerance=3, aspect="pad", pooling="gem", side=448
    )
    assert Preprocessing.from_dict(json.loads(json.dumps(options.to_dict()))) == options


def test_the_defaults_are_the_published_resize_and_trimmed_borders() -> None:
    assert Preprocessing().to_dict() == {"resize": "nearest", "trim_borders": True, "border_tolerance": 10}
    assert Preprocessing.from_dict({}) == Preprocessing()


@pytest.mark.parametrize(
    "options",
    [
        {"resize": "area"},
        {"resize": None},
        {"resize": ["nearest"]},
        {"aspect": "stretch"},
        {"aspect": None},
        {"pooling": "sum"},
        {"pooling": 3},
        {"pooling": ["avg"]},
        {"side": 300},
        {"side": 480},
        {"side": "224"},
        {"trim_borders": 1},
        {"trim_borders": "yes"},
        {"border_tolerance": -1},
        {"border_tolerance": 65},
        {"border_tolerance": 10.0},
        {"border_tolerance": True},
        {"sharpen": True},
        {7: True, "sharpen": True},
    ],
)
def test_options_that_do_not_exist_are_refused(options: dict[Any, Any]) -> None:
    with pytest.raises(InvalidMessage, match="preprocessing"):
        Preprocessing.from_dict(options)


def test_every_option_changes_the_fingerprint() -> None:
    plain = Preprocessing()
    prints = {
        fingerprint(MODEL, plain),
        fingerprint(model_identity("cd" * 32), plain),
        fingerprint(MODEL, replace(plain, resize="bilinear")),
        fingerprint(MODEL, replace(plain, trim_borders=False)),
        fingerprint(MODEL, replace(plain, border_tolerance=11)),
        fingerprint(MODEL, replace(plain, resize="antialiased")),
        fingerprint(MODEL, replace(plain, side=320)),
        fingerprint(MODEL, replace(plain, aspect="pad")),
        fingerprint(MODEL, replace(plain, aspect="crop")),
        fingerprint(MODEL, replace(plain, pooling="avg")),
        fingerprint(MODEL, replace(plain, pooling="gem")),
    }
    assert len(prints) == 11
    assert all(len(made) == 64 for made in prints)


def test_a_pooling_that_is_the_networks_own_makes_no_other_pipeline() -> None:
    assert pipeline_of(VGG16, Preset.PUBLISHED, {"pooling": "max"}) == Preset.PUBLISHED.options(VGG16)
    assert pipeline_of(RESNET50, Preset.PUBLISHED, {"pooling": "avg"}) == Preset.PUBLISHED.options(RESNET50)
    assert pipeline_of(RESNET50, Preset.PUBLISHED, {"pooling": "max"}).pooling == "max"


@pytest.mark.parametrize("network", [VGG16, RESNET50], ids=lambda spec: spec.name)
def test_a_preset_is_recognised_by_its_options(network: NetworkSpec) -> None:
    for preset in Preset:
        assert Preset.of(pipeline_of(network, preset, {}), network) is preset
        assert Preset.of(pipeline_of(network, preset, {"aspect": "crop"}), network) is None


def test_people_are_told_the_pooling_that_a_pipeline_has_a_network_use() -> None:
    assert pooled_model(MODEL, Preset.PUBLISHED.options(VGG16)) == MODEL
    assert pooled_model(MODEL, Preset.RECOMMENDED.options(VGG16)) == MODEL.replace("-max-", "-gem-")


def test_the_fingerprint_of_the_recommended_pipeline_does_not_change() -> None:
    expected = "b464c4a2dc2a646ed41de10461e3ede4660bbba2810cea80595cf14cfed1a291"
    assert fingerprint(MODEL, Preset.RECOMMENDED.options(VGG16)) == expected


POOLED = NetworkSpec("dino", 384, side=256, pooling=UNPOOLED, has_one_side=True)
MAPS = NetworkSpec("mine", 96, side=256, pooling="avg", has_one_side=True)


@pytest.mark.parametrize("network", [POOLED, MAPS])
def test_presets_ask_a_network_from_a_file_for_what_it_can(network: NetworkSpec) -> None:
    for preset in Preset:
        options = pipeline_of(network, preset, {})
        assert (options.side, Preset.of(options, network)) == (256, preset)
    recommended = pipeline_of(network, Preset.RECOMMENDED, {})
    assert recommended.pooling == (None if network is POOLED else "gem")


@pytest.mark.parametrize(
    ("network", "changes", "rule"),
    [
        (POOLED, {"side": 320}, "side: dino takes 256 alone"),
        (POOLED, {"pooling": "max"}, "pooling: what dino gives is pooled already"),
        (MAPS, {"side": 224}, "side: mine takes 256 alone"),
    ],
)
def test_what_a_network_cannot_do_is_refused(network: NetworkSpec, changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(PipelineRejected) as caught:
        pipeline_of(network, Preset.PUBLISHED, changes)
    assert caught.value.rule.startswith(rule)


def test_a_collection_goes_over_to_a_network_that_takes_one_side_alone() -> None:
    before = Preprocessing("lanczos", side=320, pooling="gem", aspect="pad")
    assert pipeline_of(POOLED, before, {}) == Preprocessing("lanczos", side=256, aspect="pad")
    assert pipeline_of(MAPS, before, {}) == replace(before, side=256)


def test_changes_leave_the_rest_of_a_pipeline() -> None:
    built = Preprocessing("antialiased", side=320, pooling="gem")
    assert pipeline_of(VGG16, built, {"aspect": "pad"}) == replace(built, aspect="pad")
    assert pipeline_of(VGG16, Preset.RECOMMENDED, {"side": 320}) == built


def test_the_version_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(MODEL, Preprocessing())
    monkeypatch.setattr(pipeline, "PREPROCESSING_VERSION", pipeline.PREPROCESSING_VERSION + 1)
    assert fingerprint(MODEL, Preprocessing()) != before


def test_the_fingerprint_of_existing_collections_does_not_change() -> None:
    expected = "4ec6aa6dd760c405ca7267918d6072ba26f2f6a17c86241444975e2d5178162c"
    assert fingerprint(MODEL, Preprocessing()) == expected


@pytest.mark.parametrize(
    ("resize", "expected"),
    [
        ("nearest", "ef674ceabdc57daa"),
        ("bilinear", "14ad1a39aceacaae"),
        ("bicubic", "a5123c8ccb291239"),
        ("lanczos", "cc8cd582e2b5861e"),
        ("antialiased", "a5123c8ccb291239"),
    ],
)
def test_pixels_change_only_together_with_the_preprocessing_version(resize: Resize, expected: str) -> None:
    """Where this fails, collections built before can no longer be compared: raise PREPROCESSING_VERSION."""
    assert pipeline.PREPROCESSING_VERSION == 2
    y, x, channel = np.indices((211, 317, 3))
    drawn = ((x * 7 + y * 13) * (channel + 3) // 5 % 246 + 10).astype(np.uint8)
    drawn[:17] = 0
    drawn[:, -9:] = 4
    drawn[17:22] //= 20  # what a JPEG leaves between a border and the picture
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, "PNG")
    picture = decode(file.getvalue(), Preprocessing(resize), PictureSettings())
    assert hashlib.sha256(picture.pixels.tobytes()).hexdigest()[:16] == expected
