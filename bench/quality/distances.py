"""Measure how far copies lie from their originals and strangers from each other, and what to call near.

`python -m bench.quality.distances` with PHOTOS=DIR, one folder a class, and WEIGHTS=FILE: for VGG16, every pooling
and the inputs that INPUTS names, ``resize[,aspect[,side]]`` each (nearest antialiased). SAMPLE photos (80) are
changed in each way. A second table judges rankings, as `python -m bench.quality` does of what is answered.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.quality.extraction import BATCH, TrainedNetwork, described, extract_each, parse_input
from bench.quality.photos import Photos
from bench.quality.rankings import HEADER as RANKED
from bench.quality.rankings import judge
from imagesearch.bands import Bands
from imagesearch.contract import Vectors
from imagesearch_extractor.cpu import prepare_process, quiet_import
from imagesearch_extractor.settings import QUANTISED_SUFFIX

INPUTS: Final = "nearest antialiased"
STRANGERS: Final = 0.01
"""Share of photos that may have another one within `near`."""
ALIKE: Final = 0.75
"""Share of the pairs within `similar` that show the same kind of thing."""
QUANTILES: Final = (0.05, 0.5, 0.95)

Distances = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold distances of photos that are all different, and of copies.

    Attributes:
        strangers: of each photo to the nearest other one.
        pairs: of each photo to each other, once.
        is_alike: which of the pairs are of one class.
        copies: of each changed photo to the one that it was made of.
    """

    strangers: Distances
    pairs: Distances
    is_alike: npt.NDArray[np.bool_]
    copies: Distances

    @classmethod
    def of(cls, vectors: Vectors, classes: Sequence[str], changed: Vectors, originals: Sequence[int]) -> Measured:
        """Compare unit vectors.

        Args:
            vectors: float32[n, dimension], of the photos.
            classes: of each photo.
            changed: float32[m, dimension], of the changed ones.
            originals: for each of those, the row of the photo.
        """
        between = (1 - vectors @ vectors.T).astype(np.float32)
        once = np.triu_indices(len(vectors), 1)
        kinds = np.unique(classes, return_inverse=True)[1]
        pairs, is_alike = between[once], (kinds[:, None] == kinds[None, :])[once]
        np.fill_diagonal(between, np.inf)
        copies = 1 - (changed * vectors[list(originals)]).sum(axis=1)
        return cls(between.min(axis=1), pairs, is_alike, copies.astype(np.float32))

    def bands(self) -> Bands:
        """Return the bands by the rules of `Bands`, rounded down to hundredths."""
        order = np.argsort(self.pairs, kind="stable")
        share = np.cumsum(self.is_alike[order]) / np.arange(1, len(order) + 1)
        alike = np.flatnonzero(share >= ALIKE)
        similar = self.pairs[order][alike[-1]] if len(alike) else 0.0
        near = np.quantile(self.strangers, STRANGERS)
        return Bands(*(np.floor(float(far) * 100) / 100 for far in (self.strangers.min(), near, similar)))

    def row(self, name: str) -> str:
        """Return a line of a table: quantiles of both, the bands, and what of copies and strangers near holds."""
        bands = self.bands()
        cells = [f"{far:.3f}" for each in (self.copies, self.strangers) for far in np.quantile(each, QUANTILES)]
        limits = [f"{far:.2f}" for far in (bands.same, bands.near, bands.similar)]
        shares = [f"{(each <= bands.near).mean():.3f}" for each in (self.copies, self.strangers)]
        return "| " + " | ".join([name, *cells, *limits, *shares]) + " |"


HEADER: Final = (
    "| pipeline | copies 5 % | 50 % | 95 % | strangers 5 % | 50 % | 95 % | same | near | similar | copies near "
    "| strangers near |\n" + "|---" * 12 + "|"
)


def main() -> int:
    """Print two tables: in each a line for each input and pooling."""
    prepare_process()
    photos = Photos.of(Path(os.environ["PHOTOS"]).resolve(), int(os.environ.get("SAMPLE", "80")))
    inputs = [parse_input(text) for text in (os.environ.get("INPUTS") or INPUTS).split()]
    network = trained_network(os.environ["WEIGHTS"])
    distances, ranked = [HEADER], [RANKED]
    for options in inputs:
        for pooling, found in extract_each(photos, network, options).items():
            measured = Measured.of(found.vectors, found.classes, found.changed, found.originals)
            distances.append(measured.row(described(options, pooling)))
            ranked.append(judge(found).row(described(options, pooling)))
            print(distances[-1], file=sys.stderr, flush=True)
    print("\n".join([*distances, "", *ranked]))
    return 0


def trained_network(weights: str) -> TrainedNetwork:
    """Load VGG16, in 8 bits where the file holds these, or in the format in which this machine is fastest."""
    if weights.endswith(QUANTISED_SUFFIX):
        from imagesearch_extractor.quantised.files import load_quantised  # noqa: PLC0415
        from imagesearch_extractor.quantised.network import QuantisedNetwork  # noqa: PLC0415

        return QuantisedNetwork(load_quantised(weights), compute_batch=BATCH)
    # TensorFlow has to find its threads set.
    from imagesearch_extractor.loading import load_weights  # noqa: PLC0415

    with quiet_import():
        from imagesearch_extractor.network import Network, fastest_dtype, use_gpus  # noqa: PLC0415
    dtype = fastest_dtype(use_gpus())
    return Network(load_weights(weights, download_timeout=20), dtype=dtype, compute_batch=BATCH)


if __name__ == "__main__":
    sys.exit(main())
