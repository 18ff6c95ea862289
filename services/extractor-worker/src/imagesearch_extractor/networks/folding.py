"""Prepare weights for number formats with few bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imagesearch_extractor.architectures import Architecture
from imagesearch_extractor.weights import Array

EPSILON = np.float32(1.001e-5)
"""Added to the variance: what Keras' residual networks pass to their batch normalisation."""


def scaled_biases(arrays: Sequence[Array], scale: float) -> list[Array]:
    """Return kernels as they are and biases times `scale`.

    A network of convolutions, ReLU, sums and max pooling, given an input times a factor and biases times the same
    factor, answers with that factor.
    """
    return [array * np.float32(scale) if array.ndim == 1 else array for array in arrays]


def folded(architecture: Architecture, arrays: Sequence[Array]) -> dict[str, tuple[Array, Array]]:
    """Return kernel and bias of each convolution by its name, with the normalisation that follows worked in.

    Means, variances and gammas of trained networks span more orders of magnitude than half of a float32 holds;
    folded into kernels in float32 they leave nothing to lose, and no work at each pass.
    """
    rest = list(arrays)
    found: dict[str, tuple[Array, Array]] = {}
    last = ""
    for layer in architecture.layers:
        if layer.kernel is not None:
            last = layer.name
            found[last] = (rest.pop(0), rest.pop(0))
        else:
            gamma, beta, mean, variance = (rest.pop(0) for _ in range(4))
            kernel, bias = found[last]
            factor = gamma / np.sqrt(variance + EPSILON)
            found[last] = (kernel * factor, (bias - mean) * factor + beta)
    return found
