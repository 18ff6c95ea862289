"""Identify what turns a picture into a vector, so that no index ever mixes two of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from imagesearch.errors import InvalidMessage
from imagesearch.networks import VGG16, ModelIdentity, NetworkSpec

PREPROCESSING_VERSION = 2
"""Raised when `imagesearch.pictures` starts to give other pixels for the same file and options.

2: the rows in which a JPEG blends a black border with the picture go with the border.
"""

MAX_SIDE = 448
"""A network's activations grow with the square of this: four times those of 224."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Hold the options that decide which pixels the network sees.

    Attributes:
        resize: resampling filter to the input's size; NEAREST is what Keras' ``load_img`` does by default, and so
            what the published system does.
        trim_borders: remove black borders at the edges before the resize.
        border_tolerance: the largest channel value, 0..255, that still counts as black in a border. JPEG at
            quality 50 and above keeps a bar at 0 except in the rows that share a block with the picture, which
            `imagesearch.pictures.borders.trim_black_borders` recognises by other signs.
        side: height and width in pixels of the network's input, a multiple of 32: networks halve it five times.
    """

    resize: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "nearest"
    trim_borders: bool = True
    border_tolerance: int = 10
    side: int = VGG16.side

    def to_dict(self) -> dict[str, Any]:
        """Return the options as a plain map for JSON columns and messages.

        An option that older releases did not know is left out at its default: fingerprints are made of this map.
        """
        options = asdict(self)
        if self.side == VGG16.side:
            del options["side"]
        return options

    @classmethod
    def from_dict(cls, options: dict[str, Any]) -> Self:
        """Rebuild options from `to_dict`; missing ones take their defaults.

        Raises:
            InvalidMessage: an option is unknown or has a value that it cannot take.
        """
        unknown = set(options) - {"resize", "trim_borders", "border_tolerance", "side"}
        if unknown:
            raise InvalidMessage(f"preprocessing: unknown option {sorted(map(str, unknown))[0]!r}")
        made = cls(**options)
        if made.resize not in ("nearest", "bilinear", "bicubic", "lanczos"):
            raise InvalidMessage("preprocessing.resize: nearest, bilinear, bicubic or lanczos")
        if not isinstance(made.trim_borders, bool):
            raise InvalidMessage("preprocessing.trim_borders: true or false")
        if type(made.border_tolerance) is not int or not 0 <= made.border_tolerance <= 64:
            raise InvalidMessage("preprocessing.border_tolerance: a whole number from 0 to 64")
        if type(made.side) is not int or made.side % 32 or not 32 <= made.side <= MAX_SIDE:
            raise InvalidMessage(f"preprocessing.side: a multiple of 32 from 32 to {MAX_SIDE}")
        return made


def model_identity(weights_sha256: str, network: NetworkSpec = VGG16) -> str:
    """Return the identity of a network: its name, pooling, dimension and the digest of its weights."""
    return str(ModelIdentity(network.name, network.pooling, network.dimension, weights_sha256))


def fingerprint(model: str, preprocessing: Preprocessing) -> str:
    """Return the pipeline fingerprint: 64 hex digits over the network and the preprocessing.

    Two vectors may be compared exactly when their fingerprints are equal.
    """
    described = {"model": model, "preprocessing": [PREPROCESSING_VERSION, preprocessing.to_dict()]}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
