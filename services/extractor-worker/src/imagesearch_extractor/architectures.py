"""List the networks that an extractor can build, with the arrays that each of them is made of.

Nothing here needs TensorFlow, so weights and identities can be checked anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from imagesearch.networks import RESNET50, VGG16, NetworkSpec

Shape = tuple[int, ...]

VGG16_CHANNELS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
"""Filters of the thirteen 3x3 convolutions, configuration D of https://arxiv.org/abs/1409.1556, table 1."""
VGG16_BLOCKS = (2, 2, 3, 3, 3)
"""Convolutions before each of the five poolings."""
RESNET50_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
"""Filters and blocks of the four stages, the 50-layer column of https://arxiv.org/abs/1512.03385, table 1."""
EXPANSION = 4
"""A block gives this many times its filters."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Name a layer that has weights.

    Attributes:
        name: as Keras calls it.
        kernel: height, width, inputs and outputs of a convolution with a bias; None for batch normalisation.
        channels: outputs.
        ends_block: what comes out is added to what went into the block.
    """

    name: str
    kernel: tuple[int, int, int, int] | None
    channels: int
    ends_block: bool = False

    @property
    def shapes(self) -> list[Shape]:
        """Return the shapes of its arrays: kernel and bias, or gamma, beta, mean and variance."""
        if self.kernel is not None:
            return [self.kernel, (self.channels,)]
        return [(self.channels,)] * 4


@dataclass(frozen=True, slots=True)
class Publication:
    """Say where Keras publishes weights.

    Attributes:
        url: of the file.
        md5: that Keras states of it.
        max_bytes: what is longer is another file.
    """

    url: str
    md5: str
    max_bytes: int

    @property
    def name(self) -> str:
        """Return what Keras calls the file in its cache."""
        return PurePosixPath(urlsplit(self.url).path).name


@dataclass(frozen=True, slots=True)
class Architecture:
    """Say how a network is built.

    Attributes:
        title: as people write it.
        parts: what it is made of, in words.
        layers: that have weights, in the order of their arrays.
        publication: of weights trained on ImageNet.
    """

    spec: NetworkSpec
    title: str
    parts: str
    layers: tuple[Layer, ...]
    publication: Publication

    @property
    def shapes(self) -> list[Shape]:
        """Return the shapes of all arrays, layer by layer."""
        return [shape for layer in self.layers for shape in layer.shapes]


def _vgg16_layers() -> Iterator[Layer]:
    channels = iter(zip((3, *VGG16_CHANNELS), VGG16_CHANNELS, strict=False))
    for block, convolutions in enumerate(VGG16_BLOCKS, start=1):
        for number in range(1, convolutions + 1):
            inputs, outputs = next(channels)
            yield Layer(f"block{block}_conv{number}", (3, 3, inputs, outputs), outputs)


def _resnet50_layers() -> Iterator[Layer]:
    yield from _convolution("conv1", 7, 3, 64)
    inputs = 64
    for stage, (filters, blocks) in enumerate(RESNET50_STAGES, start=2):
        outputs = EXPANSION * filters
        for block in range(1, blocks + 1):
            name = f"conv{stage}_block{block}"
            if block == 1:
                yield from _convolution(f"{name}_0", 1, inputs, outputs)
            yield from _convolution(f"{name}_1", 1, inputs, filters)
            yield from _convolution(f"{name}_2", 3, filters, filters)
            yield from _convolution(f"{name}_3", 1, filters, outputs, ends_block=True)
            inputs = outputs


def _convolution(name: str, size: int, inputs: int, outputs: int, *, ends_block: bool = False) -> Iterator[Layer]:
    yield Layer(f"{name}_conv", (size, size, inputs, outputs), outputs)
    yield Layer(f"{name}_bn", None, outputs, ends_block)


_PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"
_NO_TOP = "weights_tf_dim_ordering_tf_kernels_notop.h5"
ARCHITECTURES = {
    made.spec.name: made
    for made in (
        Architecture(
            VGG16,
            "VGG16",
            "13 convolutions",
            tuple(_vgg16_layers()),
            Publication(f"{_PUBLISHED}/vgg16/vgg16_{_NO_TOP}", "6d6bbae143d832006294945121d1f1fc", 64 << 20),
        ),
        Architecture(
            RESNET50,
            "ResNet-50",
            "53 normalised convolutions",
            tuple(_resnet50_layers()),
            Publication(f"{_PUBLISHED}/resnet/resnet50_{_NO_TOP}", "4d473c1dd8becc155b73f8504c6f6626", 128 << 20),
        ),
    )
}
"""Where and with which digests: `keras.applications.vgg16` and `.resnet` of Keras 3.15."""
