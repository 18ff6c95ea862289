"""Decide what the answer to a batch means for each of its pictures; nothing here asks a store."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Mapping
from dataclasses import dataclass, field

from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs.ledger import ItemOutcome
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import ExtractedImage, FailedImage, IndexBatch, Outcome, UnchangedImage
from imagesearch.failures import CONTENT_FAILURES, FailureCode

REMOVED_REASON = "The picture was deleted from the collection while the job ran."
KEY_REASON = "Another image has the key that this picture was given."
LOST_REASON = "The vector store lost the vector of this picture, and its file is gone."


@dataclass(frozen=True, slots=True)
class Written:
    """Hold a picture that gets a new vector: the row of the message's vectors at `position`."""

    position: int
    facts: ExtractedImage

    @property
    def image_id(self) -> int:
        """Return the image's id."""
        return self.facts.image_id


@dataclass
class Answer:
    """Hold what the answer to a batch means.

    Attributes:
        settled: the outcome of each open picture; one without an outcome is read again.
        written: pictures that get a new vector.
        seen: pictures whose vector stays, with what is known of their files now.
        relabelled: pictures whose vector stays, and gets other labels.
        unnamed: pictures that lose their vector: the file holds something else now.
        bare: pictures that wait for their first vector, and get none.
    """

    settled: list[ItemOutcome] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    seen: list[UnchangedImage] = field(default_factory=list)
    relabelled: list[int] = field(default_factory=list)
    unnamed: list[int] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)

    def indexed(self) -> set[int]:
        """Return the pictures that are in the collection from now on."""
        return {item.image_id for item in self.settled if item.outcome in (Outcome.INDEXED, Outcome.UNCHANGED)}

    def refuse(self, refused: Mapping[int, tuple[FailureCode, str]], there: Mapping[int, OpenImage]) -> None:
        """Let pictures fail, each with a code and a reason; they keep the vector and the labels that they had."""
        if not refused:
            return
        self.settled = [item for item in self.settled if item.image_id not in refused]
        self.written = [one for one in self.written if one.image_id not in refused]
        self.seen = [seen for seen in self.seen if seen.image_id not in refused]
        self.relabelled = [image_id for image_id in self.relabelled if image_id not in refused]
        for image_id, (code, reason) in sorted(refused.items()):
            _fail(self, image_id, code, reason)
            if there[image_id].row.vector_key is None:
                self.bare.append(image_id)


@dataclass(frozen=True, slots=True)
class OpenImage:
    """Hold a picture that waits for its outcome: its locked row, and the job's wishes.

    Attributes:
        labels: what it is given.
        origin: who submitted the job.
    """

    row: Image
    labels: Labels
    origin: JobOrigin

    def is_indexed_as(self, sha256: str) -> bool:
        """Tell whether the vector that its row names was made of the bytes of that digest."""
        return self.row.vector_key is not None and self.row.sha256 == sha256

    def changes_labels_alone(self) -> bool:
        """Tell whether its labels are to change whatever becomes of its file.

        A change of one picture was accepted when the picture was indexed. An upload, the other job of one picture,
        has a path that is the digest of its bytes.
        """
        return self.origin is JobOrigin.SINGLE_IMAGE and self.row.vector_key is not None


def is_of_another(message: IndexBatch, model: str | None) -> bool:
    """Tell whether an answer comes from another network than the one that has been fixed by now; None is none yet.

    Such a batch was sent when any weights would do, and workers with others took it: it is sent again, to those
    who have the right ones. A worker that was asked for certain weights reads nothing for others.
    """
    return model not in (None, message.model) and bool(message.images or message.unchanged)


def decide(
    message: IndexBatch, waiting: Container[int], there: Mapping[int, OpenImage], *, refusal: str | None
) -> Answer:
    """Decide what becomes of each open picture of a batch.

    A reading counts where the row has the version that it had when the picture was sent: whoever has written,
    kept, taken or refused a vector since may have read newer bytes. Bytes that are indexed already are right
    whenever they were read.

    Args:
        message: the answer.
        waiting: the open pictures.
        there: those of them that have a row, by id.
        refusal: why the network that answered is not the collection's; None where it is.
    """
    answer = Answer()
    for image_id in sorted(set(waiting) - there.keys()):
        _fail(answer, image_id, FailureCode.REMOVED, REMOVED_REASON)
    if refusal is not None:
        for image_id in sorted(there):
            _fail(answer, image_id, FailureCode.WRONG_PIPELINE, refusal)
            answer.bare.append(image_id)
        return answer
    for position, extracted in enumerate(message.images):
        if image := there.get(extracted.image_id):
            is_due = image.row.version == extracted.expected_version
            if is_due and not image.is_indexed_as(extracted.sha256):
                answer.written.append(Written(position, extracted))
                answer.settled.append(ItemOutcome(image.row.id, Outcome.INDEXED))
            else:
                _decide_kept(answer, image, _seen(extracted), Outcome.INDEXED)
    for seen in message.unchanged:
        if image := there.get(seen.image_id):
            _decide_kept(answer, image, seen, Outcome.UNCHANGED)
    for failure in message.failures:
        if image := there.get(failure.image_id):
            _decide_failed(answer, image, failure)
    return answer


def _decide_kept(answer: Answer, image: OpenImage, seen: UnchangedImage, outcome: Outcome) -> None:
    """Let a picture keep its vector where that was made of the bytes that were read; else it is read again."""
    if image.is_indexed_as(seen.sha256):
        answer.seen.append(seen)
        _keep(answer, image, outcome)
    elif image.changes_labels_alone():
        _keep(answer, image, Outcome.INDEXED)


def _decide_failed(answer: Answer, image: OpenImage, failure: FailedImage) -> None:
    row, code, reason = image.row, failure.code, failure.reason
    if image.changes_labels_alone():
        _keep(answer, image, Outcome.INDEXED)
    elif row.version == failure.expected_version:
        if image.origin is JobOrigin.REPAIR and code == FailureCode.VANISHED:
            code, reason = FailureCode.VECTOR_LOST, LOST_REASON
        _fail(answer, row.id, code, reason)
        if row.vector_key is None:
            answer.bare.append(row.id)
        elif code in CONTENT_FAILURES:
            # What lies at the path now is not what its vector was made from: the vector must not be found.
            answer.unnamed.append(row.id)


def _keep(answer: Answer, image: OpenImage, outcome: Outcome) -> None:
    """Let a picture keep its vector, under a new key where its labels change."""
    row = image.row
    if image.labels.change_nothing(row.partition, row.metadata):
        answer.settled.append(ItemOutcome(row.id, outcome))
    else:
        answer.relabelled.append(row.id)
        answer.settled.append(ItemOutcome(row.id, Outcome.INDEXED))


def _seen(image: ExtractedImage) -> UnchangedImage:
    return UnchangedImage(image.image_id, image.sha256, image.size_bytes, image.mtime_ns, image.expected_version)


def _fail(answer: Answer, image_id: int, code: FailureCode, reason: str) -> None:
    answer.settled.append(ItemOutcome(image_id, Outcome.FAILED, code, reason))
