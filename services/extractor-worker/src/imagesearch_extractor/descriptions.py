"""Read what people say of a network that lies in a file: ``dino.toml`` beside ``dino.onnx``.

Nothing here needs TensorFlow or ONNX Runtime, so identities can be computed and checked anywhere.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imagesearch.errors import WeightsUnavailable
from imagesearch.networks import BUILT_IN, MAX_DIMENSION, MAX_NETWORK_NAME, UNPOOLED, NetworkSpec
from imagesearch.pipeline import MAX_SIDE

MAX_DESCRIPTION_BYTES = 64 << 10

Channels = Literal["rgb", "bgr"]
Layout = Literal["channels_first", "channels_last"]
PerChannel = tuple[float, float, float]
Number = Annotated[float, Field(allow_inf_nan=False)]
Deviation = Annotated[float, Field(gt=0, allow_inf_nan=False)]

KERAS: Final[dict[str, tuple[Channels, PerChannel, PerChannel]]] = {
    "caffe": ("bgr", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
    "tf": ("rgb", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "torch": ("rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}
"""The modes of Keras' `imagenet_utils.preprocess_input`: order, then means and deviations in that order."""


class Description(BaseModel):
    """Hold how pictures go into a network and vectors come out of it.

    Attributes:
        name: of the network, after which collections and queues are named.
        side: height and width of its input in pixels.
        dimension: numbers of a vector.
        preprocessing: one of `KERAS`, in place of the three that follow.
        channels: the order in which the network takes them.
        mean: taken away from values of 0..255, in the order of the channels; one number is for all.
        deviation: divides what is left.
        layout: where the channels of its input and of feature maps are; None is the usual one of its kind of file.
        input: the name of an ONNX file's input; None is the only one.
        output: the tensor of an ONNX file, or the layer of a Keras one, that is taken; None is the only output.
        pooling: how the output, feature maps, becomes a vector; ``none`` for an output that is one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(pattern=rf"^[a-z][a-z0-9_]{{0,{MAX_NETWORK_NAME - 1}}}$")
    side: int = Field(ge=32, le=MAX_SIDE, multiple_of=32)
    dimension: int = Field(ge=2, le=MAX_DIMENSION)
    preprocessing: Literal["caffe", "tf", "torch"] | None = None
    channels: Channels = "rgb"
    mean: Number | list[Number] = 0.0
    deviation: Deviation | list[Deviation] = 1.0
    layout: Layout | None = None
    input: str | None = Field(None, max_length=200)
    output: str | None = Field(None, max_length=200)
    pooling: Literal["none", "max", "avg", "gem"] = UNPOOLED  # type: ignore[assignment]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.name in BUILT_IN:
            raise ValueError(f"name: {self.name} is a network that extractors build by themselves")
        for name in ("mean", "deviation"):
            value = getattr(self, name)
            if isinstance(value, list) and len(value) != 3:
                raise ValueError(f"{name}: one number or three")
        if self.preprocessing is not None and self.model_fields_set & {"channels", "mean", "deviation"}:
            raise ValueError("preprocessing: says what channels, mean and deviation say; leave these out")
        return self

    @property
    def arithmetic(self) -> tuple[Channels, PerChannel, PerChannel]:
        """Return the order of the channels, and means and deviations in that order."""
        if self.preprocessing is not None:
            return KERAS[self.preprocessing]
        return self.channels, _three(self.mean), _three(self.deviation)

    @property
    def spec(self) -> NetworkSpec:
        """Return what is known of the network whatever its weights."""
        return NetworkSpec(self.name, self.dimension, self.side, self.pooling, has_one_side=True)

    def digest(self, file_sha256: str) -> str:
        """Return what names the weights: a digest over the file's and all that decides what goes in and out."""
        said = [file_sha256, self.arithmetic, self.side, self.layout, self.input, self.output]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _three(value: float | list[float]) -> PerChannel:
    first, second, third = value if isinstance(value, list) else [value] * 3
    return first, second, third


def read_description(path: Path) -> Description:
    """Read the description beside a file.

    Raises:
        WeightsUnavailable: it is missing or wrong; the message is one line that names the field.
    """
    beside = path.with_suffix(".toml")
    try:
        with beside.open("rb") as file:
            text = file.read(MAX_DESCRIPTION_BYTES + 1)
        if len(text) > MAX_DESCRIPTION_BYTES:
            raise WeightsUnavailable(f"{beside} is longer than {MAX_DESCRIPTION_BYTES} bytes")
        return Description(**tomllib.loads(text.decode()))
    except FileNotFoundError as error:
        raise WeightsUnavailable(
            f"WEIGHTS={path} says nothing of its input and output; describe them in {beside}: at least its name, "
            "side and dimension"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise WeightsUnavailable(f"{beside}: {f'{field}: ' if field else ''}{first['msg']}") from error
    except (OSError, ValueError, TypeError) as error:
        # tomllib's, and of bytes that are no text.
        raise WeightsUnavailable(f"{beside} cannot be read: {error}") from error
