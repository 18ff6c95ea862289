"""Settings of the extractor alone; those it shares with other services are in `imagesearch.settings`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from imagesearch.networks import VGG16, VGG16_INT8
from imagesearch.settings import Settings

MAX_DECODE_THREADS = 4
"""The pixel and byte limits of `PictureSettings` are chosen for this many pictures in memory at once."""

ComputeDtype = Literal["float32", "bfloat16", "float16"]


QUANTISED_SUFFIX = ".int8.h5"
FROM_FILE = "file"
"""The network that its file's description names."""


class ExtractorSettings(Settings):
    """How pictures become vectors."""

    network: Literal["vgg16", "vgg16_int8", "resnet50", "file"] = Field(
        "vgg16",
        description="The network that this worker runs, for collections of that network. 'vgg16_int8' is VGG16 in "
        "8-bit numbers, nearly twice as fast on CPUs with VNNI; it is meant also where WEIGHTS names a file of "
        "its (.int8.h5). 'file' is the one in the file that WEIGHTS names: ONNX, or a whole model that Keras "
        "saved (.keras); a .toml file beside it describes it.",
    )
    weights: str = Field(
        "imagenet",
        description="'imagenet' (what Keras publishes, downloaded once into its cache), a file that Keras saved "
        "(.h5, .weights.h5, .keras), one that `make quantise` wrote (.int8.h5), or 'random:SEED', an untrained "
        "network for tests and trials.",
    )
    weights_sha256: str = Field(
        "",
        pattern="^([0-9A-Fa-f]{64})?$",
        description="What `sha256sum` says of the file that WEIGHTS names, or that is downloaded; with another no "
        "worker starts. Empty looks at none.",
    )
    download_timeout: float = Field(
        20.0, gt=0, description="Seconds without a byte after which the download of the weights has failed."
    )
    compute_dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="Number format of the convolutions. 'auto' takes bfloat16 on CPUs that compute in it, "
        "float16 on GPUs and float32 elsewhere; the vector is always float32.",
    )
    compute_batch: int = Field(
        16,
        ge=1,
        le=256,
        description="Pictures in one forward pass. 16 is at full speed on a CPU and bounds the memory of the "
        "activations to about 0.4 GB in float32; a GPU wants 64 or more.",
    )
    decode_threads: int = Field(
        0, ge=0, le=64, description="Threads that read and decode pictures; 0 takes one a usable core, at most 4."
    )
    extract_concurrency: int = Field(
        2, ge=1, le=8, description="Bulk batches in hand at once: one decodes while the other computes."
    )
    bulk_niceness: int = Field(
        10,
        ge=0,
        le=19,
        description="How far a bulk extractor steps back for other processes on its machine, so that searches "
        "stay fast while a job runs.",
    )

    @property
    def is_quantised(self) -> bool:
        """Tell whether the weights are of 8-bit numbers."""
        return self.network == VGG16_INT8.name or (
            self.network == VGG16.name and self.weights.endswith(QUANTISED_SUFFIX)
        )

    def reading_threads(self, cpus: int) -> int:
        """Return how many threads read and decode on a machine with `cpus` usable cores."""
        return self.decode_threads or min(cpus, MAX_DECODE_THREADS)
