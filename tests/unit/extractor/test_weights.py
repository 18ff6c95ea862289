from __future__ import annotations

import sys
from subprocess import run

import numpy as np
import pytest

from imagesearch.errors import WeightsUnavailable
from imagesearch.pipeline import model_identity
from imagesearch_extractor.architectures import ARCHITECTURES
from imagesearch_extractor.weights import Weights, checked_weights, random_weights

VGG16 = ARCHITECTURES["vgg16"]

RANDOM_7 = "308696f7cd3e9f8dc8e681277110a06d45394cd512ea00f337c2967fa387769e"


def test_random_weights_are_the_same_everywhere_and_always(random_7: Weights) -> None:
    assert random_7.sha256 == RANDOM_7
    assert random_7.identity == model_identity(RANDOM_7)
    assert random_7.untrained


def test_another_seed_is_another_network(random_7: Weights) -> None:
    assert random_weights("random:8").sha256 != random_7.sha256


def test_random_kernels_follow_he(random_7: Weights) -> None:
    kernel, bias = random_7.arrays[-2:]
    assert kernel.std() == pytest.approx((2 / (3 * 3 * 512)) ** 0.5, rel=0.01)
    assert not bias.any()


@pytest.mark.parametrize("setting", ["random:", "random:x", "random:-1", "random:1.5", "random:٣"])
def test_a_seed_that_is_no_whole_number_is_refused(setting: str) -> None:
    with pytest.raises(WeightsUnavailable, match="whole number"):
        random_weights(setting)


def test_the_digest_sees_one_changed_number(random_7: Weights) -> None:
    changed = [array.copy() for array in random_7.arrays]
    changed[20][0, 0, 0, 0] += 1e-3
    assert checked_weights(VGG16, changed, "x.h5").sha256 != random_7.sha256


def test_the_digest_does_not_see_byte_order_or_memory_layout(random_7: Weights) -> None:
    turned = [np.asfortranarray(array.astype(">f4")) for array in random_7.arrays]
    assert checked_weights(VGG16, turned, "x.h5").sha256 == random_7.sha256


def test_a_missing_layer_is_refused(random_7: Weights) -> None:
    with pytest.raises(WeightsUnavailable, match="24 arrays instead of 26") as caught:
        checked_weights(VGG16, random_7.arrays[:-2], "x.h5")
    assert "set WEIGHTS to" in str(caught.value)


def test_another_shape_is_refused(random_7: Weights) -> None:
    arrays = [np.zeros((3, 3, 1, 64), np.float32), *random_7.arrays[1:]]
    with pytest.raises(WeightsUnavailable, match=r"array 1 has shape \(3, 3, 1, 64\) instead of \(3, 3, 3, 64\)"):
        checked_weights(VGG16, arrays, "x.h5")


def test_nan_is_refused(random_7: Weights) -> None:
    arrays = [array.copy() for array in random_7.arrays]
    arrays[3][5] = np.nan
    with pytest.raises(WeightsUnavailable, match="NaN"):
        checked_weights(VGG16, arrays, "x.h5")


def test_of_a_path_only_the_name_is_shown(random_7: Weights) -> None:
    assert checked_weights(VGG16, random_7.arrays, "/secret/place/vgg.h5").label == "vgg.h5"
    assert random_7.label == "random:7"


def test_weights_need_no_tensorflow() -> None:
    program = (
        "import sys, imagesearch_extractor.weights, imagesearch_extractor.tasks; print('keras' in sys.modules)"
    )
    assert run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
