"""Read what a run is to measure, and of what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.board import GOALS
from bench.sizes import QUICK, WHOLE, Sizes
from imagesearch_extractor.settings import QUANTISED_SUFFIX

PICTURES = (".jpg", ".jpeg", ".png", ".webp")


class WrongOption(Exception):
    """A setting of the benchmark cannot be used; the message is one line that names it."""


@dataclass(frozen=True, slots=True)
class Options:
    """Hold the settings.

    Attributes:
        photos: the directory of the photos.
        weights: of the network, as `WEIGHTS` of the product.
        weights_int8: the same in 8 bits; empty where they are not measured.
        figures: that are wanted; all where it is empty.
        results: takes the JSON lines.
    """

    photos: Path
    weights: str
    weights_int8: str
    figures: frozenset[str]
    results: Path | None
    sizes: Sizes

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Options:
        """Read them from the environment.

        Raises:
            WrongOption: one of them is missing or cannot be used.
        """
        photos, weights = Path(environment.get("PHOTOS", "")).absolute(), environment.get("WEIGHTS", "")
        if not environment.get("PHOTOS") or not any(path.suffix.lower() in PICTURES for path in photos.rglob("*")):
            raise WrongOption(f"PHOTOS={environment.get('PHOTOS', '')}: a directory with photos is expected")
        if not weights or weights.endswith(QUANTISED_SUFFIX):
            raise WrongOption(
                f"WEIGHTS={weights}: weights of VGG16 are expected; those in 8 bits are WEIGHTS_INT8"
            )
        weights_int8 = environment.get("WEIGHTS_INT8", "")
        if weights_int8 and not (weights_int8.endswith(QUANTISED_SUFFIX) and Path(weights_int8).is_file()):
            raise WrongOption(f"WEIGHTS_INT8={weights_int8}: a file that `make quantise` wrote is expected")
        figures = frozenset(filter(None, environment.get("FIGURES", "").split(",")))
        if unknown := sorted(figures - GOALS.keys()):
            raise WrongOption(f"FIGURES: {unknown[0]} is none of {', '.join(GOALS)}")
        results = environment.get("RESULTS")
        return cls(
            photos,
            str(Path(weights).absolute()) if Path(weights).is_file() else weights,
            str(Path(weights_int8).absolute()) if weights_int8 else "",
            figures,
            Path(results).absolute() if results else None,
            QUICK if environment.get("QUICK") else WHOLE,
        )

    def wants(self, names: tuple[str, ...]) -> bool:
        """Tell whether one of these figures is to be measured."""
        return not self.figures or not self.figures.isdisjoint(names)
