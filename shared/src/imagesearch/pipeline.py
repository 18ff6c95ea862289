"""Identify what turns a picture into a vector, so that no index ever mixes two of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Literal, Self, cast, get_args

from imagesearch.errors import InvalidMessage
from imagesearch.networks import UNPOOLED, VGG16, ModelIdentity, NetworkSpec

PREPROCESSING_VERSION = 2
"""Raised when `imagesearch.pictures` starts to give other pixels for the same file and options.

2: the rows in which a JPEG blends a black border with the picture go with the border.
"""

MAX_SIDE = 448
"""A network's activations grow with the square of this: four times those of 224."""


Resize = Literal["nearest", "bilinear", "bicubic", "lanczos", "antialiased"]
Aspect = Literal["squash", "pad", "crop"]
Pooling = Literal["max", "avg", "gem"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Hold the options that decide which pixels the network sees, and how its last feature map becomes a vector.

    Attributes:
        resize: resampling filter to the input's size. ``nearest`` is what Keras' ``load_img`` does by default, and
            so what the published system does. ``antialiased`` is bicubic, and JPEGs of several times the input's
            size are decoded at a fraction of theirs, at least twice the input's.
        trim_borders: remove black borders at the edges before the resize.
        border_tolerance: the largest channel value, 0..255, that still counts as black in a border. JPEG at
            quality 50 and above keeps a bar at 0 except in the rows that share a block with the picture, which
            `imagesearch.pictures.borders.trim_black_borders` recognises by other signs.
        side: height and width in pixels of the network's input, a multiple of 32: networks halve it five times.
        aspect: how a picture becomes a square: ``squash`` changes its proportions, ``pad`` adds grey on two sides,
            ``crop`` takes the square in its middle.
        pooling: of the last feature map: ``max``, ``avg``, or ``gem``, the generalised mean with p = 3 of
            https://arxiv.org/abs/1711.02512; None is the network's own.
    """

    resize: Resize = "nearest"
    trim_borders: bool = True
    border_tolerance: int = 10
    side: int = VGG16.side
    aspect: Aspect = "squash"
    pooling: Pooling | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the options as a plain map for JSON columns and messages.

        An option that older releases did not know is left out at its default: fingerprints are made of this map.
        """
        options = asdict(self)
        for name, default in (("side", VGG16.side), ("aspect", "squash"), ("pooling", None)):
            if options[name] == default:
                del options[name]
        return options

    def for_network(self, network: NetworkSpec) -> Self:
        """Return the options with a pooling that is the network's own left unsaid: equal pipelines are equal."""
        return replace(self, pooling=None) if self.pooling == network.pooling else self

    @classmethod
    def from_dict(cls, options: dict[str, Any]) -> Self:
        """Rebuild options from `to_dict`; missing ones take their defaults.

        Raises:
            InvalidMessage: an option is unknown or has a value that it cannot take.
        """
        unknown = set(options) - set(cls.__dataclass_fields__)
        if unknown:
            raise InvalidMessage(f"preprocessing: unknown option {sorted(map(str, unknown))[0]!r}")
        made = cls(**options)
        for name, choices in (("resize", get_args(Resize)), ("aspect", get_args(Aspect))):
            if getattr(made, name) not in choices:
                raise InvalidMessage(f"preprocessing.{name}: {_alternatives(choices)}")
        checked_pooling(made.pooling)
        if not isinstance(made.trim_borders, bool):
            raise InvalidMessage("preprocessing.trim_borders: true or false")
        if type(made.border_tolerance) is not int or not 0 <= made.border_tolerance <= 64:
            raise InvalidMessage("preprocessing.border_tolerance: a whole number from 0 to 64")
        if type(made.side) is not int or made.side % 32 or not 32 <= made.side <= MAX_SIDE:
            raise InvalidMessage(f"preprocessing.side: a multiple of 32 from 32 to {MAX_SIDE}")
        return made


def checked_pooling(value: object) -> Pooling | None:
    """Return a pooling that came over the wire or from a caller; None is the network's own.

    Raises:
        InvalidMessage: there is no such pooling.
    """
    if value is None:
        return None
    for pooling in get_args(Pooling):
        if pooling == value:
            return cast(Pooling, pooling)
    raise InvalidMessage(f"preprocessing.pooling: {_alternatives(get_args(Pooling))}")


def _alternatives(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


class Preset(StrEnum):
    """Name pipelines, so that nobody has to choose each option.

    PUBLISHED gives the vectors of the published system; RECOMMENDED resizes without aliasing and pools by the
    generalised mean, which found most (docs/adr/0018).
    """

    PUBLISHED = "published"
    RECOMMENDED = "recommended"

    def options(self, network: NetworkSpec) -> Preprocessing:
        """Return what the name stands for with a network."""
        if self is Preset.PUBLISHED:
            return Preprocessing(side=network.side)
        pooling: Pooling | None = None if network.pooling == UNPOOLED else "gem"
        return Preprocessing("antialiased", side=network.side, pooling=pooling).for_network(network)

    @classmethod
    def of(cls, options: Preprocessing, network: NetworkSpec) -> Preset | None:
        """Return the preset that gives these options with a network; None where they are somebody's own."""
        return next((each for each in cls if each.options(network) == options), None)


DEFAULT_PRESET = Preset.RECOMMENDED
"""Of collections that nobody chose a pipeline for. The published contract's are PUBLISHED."""


class PipelineRejected(InvalidMessage):
    """A network cannot do what the options ask of it.

    Attributes:
        rule: what it can.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(f"preprocessing.{rule}")
        self.rule = rule


def require_possible(network: NetworkSpec, side: int, pooling: str | None) -> None:
    """Refuse what a network cannot do, whatever its weights.

    Raises:
        PipelineRejected: it takes another side alone, or its vectors are pooled already.
    """
    if network.has_one_side and side != network.side:
        raise PipelineRejected(f"side: {network.name} takes {network.side} alone")
    if network.pooling == UNPOOLED and pooling is not None:
        raise PipelineRejected(f"pooling: what {network.name} gives is pooled already; leave it out")


def pipeline_of(network: NetworkSpec, basis: Preset | Preprocessing, changes: Mapping[str, Any]) -> Preprocessing:
    """Return the options of a collection: those of a preset, or of the pipeline so far, with some of them changed.

    A pooling that was the other network's own is the new network's own again, and so is the pipeline of a network
    that can do no other.

    Raises:
        InvalidMessage: an option is unknown or has a value that it cannot take.
        PipelineRejected: the network cannot do that.
    """
    options = basis.options(network) if isinstance(basis, Preset) else _possible(network, basis)
    made = Preprocessing.from_dict({**options.to_dict(), **changes}).for_network(network)
    require_possible(network, made.side, made.pooling)
    return made


def _possible(network: NetworkSpec, options: Preprocessing) -> Preprocessing:
    """Return options of another network's collection as far as this one can do them."""
    side = network.side if network.has_one_side else options.side
    return replace(options, side=side, pooling=None if network.pooling == UNPOOLED else options.pooling)


def model_identity(weights_sha256: str, network: NetworkSpec = VGG16) -> str:
    """Return the identity of a network: its name, own pooling, dimension and the digest of its weights.

    Workers go by it, whatever pooling a pipeline asks them for: fingerprints are over it and `Preprocessing`.
    `pooled_model` is what people are told of a pipeline.
    """
    return str(ModelIdentity(network.name, network.pooling, network.dimension, weights_sha256))


def pooled_model(model: str, preprocessing: Preprocessing) -> str:
    """Return the identity of a network with the pooling that a pipeline has it use.

    Raises:
        InvalidMessage: `model` is no identity.
    """
    own = ModelIdentity.parse(model)
    return str(replace(own, pooling=preprocessing.pooling or own.pooling))


def fingerprint(model: str, preprocessing: Preprocessing) -> str:
    """Return the pipeline fingerprint: 64 hex digits over the network and the preprocessing.

    Two vectors may be compared exactly when their fingerprints are equal.
    """
    described = {"model": model, "preprocessing": [PREPROCESSING_VERSION, preprocessing.to_dict()]}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
