"""Run the network and nothing else, and print the most memory of that, in bytes.

`python -m bench.bare.network WEIGHTS PIXELS` takes weights as the product does, and a file of
uint8[n, side, side, 3], the pictures of one pass.
"""

from __future__ import annotations

import sys

import numpy as np

from bench.scale.memory import of_this_process
from imagesearch.networks import VGG16
from imagesearch_extractor.cpu import prepare_process

PASSES = 4


def main(weights: str, pixels: str) -> int:
    """Load the weights as the product does, run some passes, and print the bytes."""
    prepare_process()
    from imagesearch_extractor.loading import load_weights  # noqa: PLC0415 - TensorFlow must find its threads set
    from imagesearch_extractor.network import Network, fastest_dtype  # noqa: PLC0415

    pictures = np.load(pixels)
    loaded = load_weights(weights, VGG16.name, sha256="", download_timeout=60)
    network = Network(loaded, dtype=fastest_dtype(on_gpu=False), compute_batch=len(pictures))
    for _ in range(PASSES):
        network.embed(pictures)
    print(of_this_process())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
