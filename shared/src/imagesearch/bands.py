"""Say in words how far two pictures lie apart, by what was measured for their pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imagesearch.networks import NetworkSpec
from imagesearch.pipeline import Preprocessing

UNMEASURED_DISTANCE = 0.05
"""How far apart near duplicates may lie where nothing was measured. With the pipelines below, two photos of 480
had another one within it, and a sixth to two fifths of the changed copies lay there."""


class Band(StrEnum):
    """Name how alike two pictures are; those that are farther apart than all of these are in none."""

    SAME = "same"
    NEAR = "near"
    SIMILAR = "similar"


@dataclass(frozen=True, slots=True)
class Bands:
    """Hold the greatest distance of each band.

    Attributes:
        same: no two of the measured photos, all of them different, were that close.
        near: one photo in a hundred had another one within it. It is the usual distance of duplicates.
        similar: three of four pairs of photos within it showed the same kind of thing.
    """

    same: float
    near: float
    similar: float

    def of(self, distance: float) -> Band | None:
        """Return the band of a distance."""
        limits = ((self.same, Band.SAME), (self.near, Band.NEAR), (self.similar, Band.SIMILAR))
        return next((band for limit, band in limits if distance <= limit), None)


MEASURED = {
    ("vgg16", "nearest", "squash", 224, "max"): Bands(same=0.04, near=0.10, similar=0.28),
    ("vgg16", "nearest", "squash", 224, "avg"): Bands(same=0.04, near=0.05, similar=0.37),
    ("vgg16", "nearest", "squash", 224, "gem"): Bands(same=0.04, near=0.08, similar=0.30),
    ("vgg16", "antialiased", "squash", 224, "max"): Bands(same=0.04, near=0.10, similar=0.29),
    ("vgg16", "antialiased", "squash", 224, "avg"): Bands(same=0.04, near=0.06, similar=0.39),
    ("vgg16", "antialiased", "squash", 224, "gem"): Bands(same=0.04, near=0.08, similar=0.32),
    ("vgg16", "antialiased", "pad", 224, "max"): Bands(same=0.05, near=0.08, similar=0.32),
    ("vgg16", "antialiased", "pad", 224, "avg"): Bands(same=0.05, near=0.06, similar=0.37),
    ("vgg16", "antialiased", "pad", 224, "gem"): Bands(same=0.05, near=0.07, similar=0.34),
    ("vgg16", "antialiased", "crop", 224, "max"): Bands(same=0.04, near=0.09, similar=0.28),
    ("vgg16", "antialiased", "crop", 224, "avg"): Bands(same=0.04, near=0.06, similar=0.38),
    ("vgg16", "antialiased", "crop", 224, "gem"): Bands(same=0.03, near=0.08, similar=0.30),
    ("vgg16", "antialiased", "squash", 320, "max"): Bands(same=0.05, near=0.08, similar=0.22),
    ("vgg16", "antialiased", "squash", 320, "avg"): Bands(same=0.04, near=0.06, similar=0.31),
    ("vgg16", "antialiased", "squash", 320, "gem"): Bands(same=0.04, near=0.07, similar=0.24),
    ("vgg16_int8", "nearest", "squash", 224, "max"): Bands(same=0.04, near=0.10, similar=0.29),
    ("vgg16_int8", "nearest", "squash", 224, "avg"): Bands(same=0.04, near=0.05, similar=0.37),
    ("vgg16_int8", "nearest", "squash", 224, "gem"): Bands(same=0.04, near=0.08, similar=0.31),
    ("vgg16_int8", "antialiased", "squash", 224, "max"): Bands(same=0.04, near=0.10, similar=0.30),
    ("vgg16_int8", "antialiased", "squash", 224, "avg"): Bands(same=0.04, near=0.06, similar=0.39),
    ("vgg16_int8", "antialiased", "squash", 224, "gem"): Bands(same=0.04, near=0.08, similar=0.32),
}
"""By network, resize, aspect, side of the input and pooling.

`python -m bench.quality.distances` on 480 photos of Caltech-101, twenty of each of 24 kinds, through VGG16 with
trained weights, those in 8 bits calibrated with 140 of these photos; rounded down to hundredths. The more
pictures, the nearer the nearest stranger: in a library of millions `near` holds more of them.
docs/operations.md has the distributions.
"""


def bands_of(network: NetworkSpec, preprocessing: Preprocessing) -> Bands | None:
    """Return the bands of a pipeline; None where nothing was measured, as for another engine or input side.

    They are those of trained weights. An untrained network squeezes all distances, and its answers mean little.

    Args:
        network: with its own side.
        preprocessing: the pipeline's options.
    """
    seen = (preprocessing.resize, preprocessing.aspect, preprocessing.side)
    return MEASURED.get((network.name, *seen, preprocessing.pooling or network.pooling))
