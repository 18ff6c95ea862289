"""Distances are put into words where they were measured, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imagesearch.bands import MEASURED, UNMEASURED_DISTANCE, Band, bands_of
from imagesearch.networks import RESNET50, VGG16, VGG16_INT8, NetworkSpec
from imagesearch.pipeline import Preprocessing, Preset
from support.records import collection_record


def test_a_distance_lies_in_the_narrowest_band_that_holds_it() -> None:
    bands = bands_of(VGG16, Preset.RECOMMENDED.options(VGG16))
    assert bands is not None
    found = [bands.of(far) for far in (0.0, bands.same, bands.near, bands.similar, bands.similar + 1e-6)]
    assert found == [Band.SAME, Band.SAME, Band.NEAR, Band.SIMILAR, None]


@pytest.mark.parametrize("bands", MEASURED.values(), ids=map(str, MEASURED))
def test_bands_lie_within_each_other(bands: object) -> None:
    assert bands in MEASURED.values()
    same, near, similar = (getattr(bands, name) for name in ("same", "near", "similar"))
    assert 0 < same < near < similar < 1


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize("network", [VGG16, VGG16_INT8], ids=lambda network: network.name)
def test_every_preset_of_the_default_network_was_measured(network: NetworkSpec, preset: Preset) -> None:
    assert bands_of(network, preset.options(network)) is not None


@pytest.mark.parametrize(
    "options",
    [
        Preprocessing("lanczos", pooling="gem"),
        Preprocessing("antialiased", pooling="gem", side=448),
        Preprocessing("antialiased", pooling="gem", side=320, aspect="pad"),
        Preprocessing("nearest", pooling="gem", aspect="pad"),
    ],
)
def test_nothing_is_said_of_what_was_not_measured(options: Preprocessing) -> None:
    assert bands_of(VGG16, options) is None


def test_what_the_network_sees_of_a_picture_has_bands_of_its_own() -> None:
    usual = Preprocessing("antialiased", pooling="gem")
    others = [replace(usual, aspect="pad"), replace(usual, aspect="crop"), replace(usual, side=320)]
    assert len({bands_of(VGG16, options) for options in (usual, *others)} - {None}) == 4


def test_nothing_is_said_of_networks_and_engines_that_were_not_measured() -> None:
    assert bands_of(RESNET50, Preset.RECOMMENDED.options(RESNET50)) is None
    assert bands_of(replace(VGG16, name="vgg16_int4"), Preset.RECOMMENDED.options(VGG16)) is None


def test_duplicates_of_a_pipeline_are_what_it_calls_near() -> None:
    measured = collection_record(preprocessing=Preset.RECOMMENDED.options(VGG16))
    assert measured.duplicates_distance == MEASURED["vgg16", "antialiased", "squash", 224, "gem"].near
    unknown = collection_record(preprocessing=Preprocessing("lanczos"))
    assert (unknown.bands, unknown.duplicates_distance) == (None, UNMEASURED_DISTANCE)
