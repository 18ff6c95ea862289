from __future__ import annotations

import numpy as np
import pytest

from imagesearch.networks import BUILT_IN
from imagesearch_extractor.architectures import ARCHITECTURES
from imagesearch_extractor.quantised.weights import SPEC

NUMBERS = {"vgg16": 14_714_688, "resnet50": 23_587_712}
"""keras.io/api/applications, without their tops."""


def test_extractors_can_build_what_the_catalogue_takes_for_built_in() -> None:
    made = {name: made.spec for name, made in ARCHITECTURES.items()}
    assert {**made, SPEC.name: SPEC} == BUILT_IN


@pytest.mark.parametrize("name", NUMBERS)
def test_shapes_are_those_of_the_published_network(name: str) -> None:
    made = ARCHITECTURES[name]
    assert sum(int(np.prod(shape)) for shape in made.shapes) == NUMBERS[name]
    assert made.layers[-1].channels == made.spec.dimension
