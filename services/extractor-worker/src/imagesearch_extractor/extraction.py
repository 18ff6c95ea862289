"""Turn a batch of paths into vectors and outcomes."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event

import numpy as np

from imagesearch import tracing
from imagesearch.contract import (
    ExtractBatch,
    ExtractedImage,
    FailedImage,
    IndexBatch,
    Queue,
    UnchangedImage,
    Vectors,
    pack_vectors,
)
from imagesearch.errors import InvalidMessage, PipelineMismatch, TransientError
from imagesearch.failures import FailureCode
from imagesearch.metrics import FORWARD_SECONDS
from imagesearch.pipeline import Preprocessing, require_possible
from imagesearch.retry import retry_transient
from imagesearch_extractor.embedding import Embedder, has_direction
from imagesearch_extractor.reading import DecodedImage, PictureReader, Reading


class HandedBack(TransientError):
    """The worker is stopping and leaves the batch to another one."""


def extract(
    batch: ExtractBatch, *, embedder: Embedder, reader: PictureReader, compute_batch: int, stopping: Event
) -> IndexBatch:
    """Read, decode and embed a batch; every item ends as extracted, unchanged or failed.

    Threads decode the next pictures while the network computes. A batch of another pipeline fails whole and
    nothing of it is read.

    Args:
        batch: what to extract.
        embedder: the network.
        reader: reads and decodes.
        compute_batch: pictures in one forward pass.
        stopping: looked at before each part of `compute_batch` pictures.

    Raises:
        HandedBack: `stopping` is set and there is work left.
        TransientError: the network, or an object store, keeps failing and `stopping` is set.
    """
    try:
        preprocessing = _agreed_preprocessing(batch, embedder)
    except PipelineMismatch as error:
        refused = [
            FailedImage(item.image_id, FailureCode.WRONG_PIPELINE, str(error), item.expected_version)
            for item in batch.items
        ]
        return _Outcomes(failures=refused).message(batch, embedder)
    outcomes = _Outcomes()
    with reader.start(batch, preprocessing, stopping) as readings:
        for start in range(0, len(readings), compute_batch):
            if stopping.is_set():
                raise HandedBack(f"stopping after {start} of {len(readings)} pictures")
            decoded = outcomes.sort(readings[start : start + compute_batch])
            if decoded:
                outcomes.add_vectors(decoded, _embed(decoded, preprocessing, embedder, stopping))
    return outcomes.message(batch, embedder)


def _agreed_preprocessing(batch: ExtractBatch, embedder: Embedder) -> Preprocessing:
    if batch.model is not None and batch.model != embedder.identity:
        # The reason is shown to people, so no path of the server: the name of a weights file is enough.
        raise PipelineMismatch(
            f"the collection was built with {_short(batch.model)}, this worker runs {_short(embedder.identity)} "
            f"(WEIGHTS={embedder.weights}); set WEIGHTS to what the collection was built with, "
            "or reindex the collection"
        )
    try:
        options = Preprocessing.from_dict(batch.preprocessing)
        require_possible(embedder.spec, options.side, options.pooling)
    except InvalidMessage as error:
        raise PipelineMismatch(f"this worker does not know the collection's preprocessing: {error}") from error
    return options


def _short(identity: str) -> str:
    name, _, digest = identity.partition(":")
    return f"{name}:{digest[:12]}"


def _embed(
    decoded: list[DecodedImage], preprocessing: Preprocessing, embedder: Embedder, stopping: Event
) -> Vectors:
    pixels = np.stack([picture.pixels for picture in decoded])
    with FORWARD_SECONDS.labels(Queue.EXTRACT).time(), tracing.step("forward"):
        return retry_transient(
            lambda: embedder.embed(pixels, preprocessing.pooling), stopping, doing="forward pass"
        )


@dataclass
class _Outcomes:
    """Collect what became of each picture."""

    images: list[ExtractedImage] = field(default_factory=list)
    vectors: list[Vectors] = field(default_factory=list)
    unchanged: list[UnchangedImage] = field(default_factory=list)
    failures: list[FailedImage] = field(default_factory=list)

    def sort(self, readings: list[Future[Reading]]) -> list[DecodedImage]:
        """Note the pictures that need no network, and return the others."""
        decoded = []
        for future in readings:
            reading = future.result()
            if isinstance(reading, DecodedImage):
                decoded.append(reading)
            elif isinstance(reading, UnchangedImage):
                self.unchanged.append(reading)
            else:
                self.failures.append(reading)
        return decoded

    def add_vectors(self, decoded: list[DecodedImage], vectors: Vectors) -> None:
        usable = has_direction(vectors)
        self.vectors.append(vectors[usable])
        for picture, fine in zip(decoded, usable, strict=True):
            if fine:
                self.images.append(picture.image)
            else:
                reason = "the network sees nothing in the picture, so there is nothing to compare"
                image = picture.image
                self.failures.append(
                    FailedImage(image.image_id, FailureCode.ZERO_VECTOR, reason, image.expected_version)
                )

    def message(self, batch: ExtractBatch, embedder: Embedder) -> IndexBatch:
        vectors = np.concatenate([np.empty((0, embedder.spec.dimension), np.float32), *self.vectors])
        return IndexBatch(
            job_id=batch.job_id,
            batch_id=batch.batch_id,
            model=embedder.identity,
            images=tuple(self.images),
            vectors=pack_vectors(vectors),
            unchanged=tuple(self.unchanged),
            failures=tuple(self.failures),
            generation=batch.generation,
        )
