"""What use cases of the API refuse. They know no request: the edge says which field asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from imagesearch.errors import (
    Conflict,
    ConflictCode,
    ImageSearchError,
    NotFound,
    PermanentError,
    PictureRejected,
    UrlRefused,
)
from imagesearch.pictures.regions import InvalidRegion

BUSY_SECONDS = 2


class RefusalCode(StrEnum):
    """Name why a request is turned away for now (429, unless it says another)."""

    BUSY = "busy"
    """As many requests of its kind as one process takes are in flight."""
    RATE_LIMITED = "rate_limited"
    """The key, or without keys the address, has sent as many requests as it may in a minute."""
    WRONG_KEYS = "wrong_keys"
    """The address has sent as many keys that do not hold as it may in a minute."""

    NO_ROOM = "no_room"
    """(503) A store or a disk has no room for what the request brings; there may be some later."""


class ProblemCode(StrEnum):
    """Name what is wrong with a request, where no picture, no conflict and no refusal for now is."""

    INVALID_REQUEST = "invalid_request"
    """Fields of it break their rules; `errors` names them."""
    NOT_AUTHENTICATED = "not_authenticated"
    """It has no API key that holds."""
    NOT_ALLOWED = "not_allowed"
    """The API key does not allow it, or a page of another site sent it."""
    NOT_FOUND = "not_found"
    """What it names is not there, or not within the key's reach."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    """The path has no such method."""
    VERSION_MISMATCH = "version_mismatch"
    """What is to be changed is not, or no longer, the version that `If-Match` or `If-None-Match` names."""
    BODY_TOO_LARGE = "body_too_large"
    """Its body is larger than it may be."""
    WRONG_MEDIA_TYPE = "wrong_media_type"
    """Its body is of a type that the route does not read."""
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    """The file has no such range."""
    UNKNOWN_HOST = "unknown_host"
    """It was sent to a name that is none of the API's."""
    UNAVAILABLE = "unavailable"
    """A store or a worker does not answer; it may be sent again, after `Retry-After`."""
    INTERNAL_ERROR = "internal_error"
    """Something went wrong on the server."""


class TooManyRequests(ImageSearchError):
    """A request is turned away for now, and nothing of it was done.

    Attributes:
        code: what there is too much of.
        seconds: after which it may be sent again.
    """

    def __init__(self, why: str, code: RefusalCode, seconds: int) -> None:
        super().__init__(why)
        self.code = code
        self.seconds = seconds


class Busy(TooManyRequests):
    """As many requests of this kind as this process takes at once are in flight."""

    def __init__(self, why: str) -> None:
        super().__init__(why, RefusalCode.BUSY, BUSY_SECONDS)


class VersionMismatch(ImageSearchError):
    """A change is meant for another version of a thing than is there."""


class NotAuthenticated(ImageSearchError):
    """Nothing says who calls, or what says so does not hold."""


class WrongCredentials(NotAuthenticated):
    """What is to say who calls was never made here: it may be a guess."""


class VectorRejected(PermanentError):
    """A vector is not as long as those of its collection.

    Attributes:
        rule: how long it has to be.
    """

    def __init__(self, length: int, dimension: int) -> None:
        self.rule = f"{dimension} numbers are expected, as the collection's network gives; these are {length}"
        super().__init__(self.rule)


class NetworkRejected(PermanentError):
    """No extractor and no live worker knows a network of that name.

    Attributes:
        rule: which names there are.
    """

    def __init__(self, known: list[str]) -> None:
        self.rule = f"one of {', '.join(known)} is expected; others are known while a worker runs them"
        super().__init__(self.rule)


class CallbackRejected(PermanentError):
    """Nobody may be called back at a URL.

    Attributes:
        rule: which URLs may be called.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class MetadataRejected(PermanentError):
    """A change would make metadata that cannot be kept.

    Attributes:
        rule: what metadata may be.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class IndexRejected(PermanentError):
    """An index cannot be built as it was asked for.

    Attributes:
        part: what is wrong: ``index_type`` or ``index_params``.
        rule: what the store in use can build.
    """

    def __init__(self, part: str, rule: str) -> None:
        super().__init__(rule)
        self.part = part
        self.rule = rule


class ExamplesRejected(PermanentError):
    """Examples say nothing about what is looked for.

    Attributes:
        side: which of them: ``positive`` or ``negative``.
        rule: what they have to leave.
    """

    def __init__(self, side: str, rule: str) -> None:
        super().__init__(rule)
        self.side = side
        self.rule = rule


class CursorRejected(PermanentError):
    """A cursor is none of the list that is asked for."""

    rule = "what `next` of the page before said is expected, with the same parameters"

    def __init__(self) -> None:
        super().__init__(self.rule)


class NoSuchPartition(NotFound):
    """No image of the collection has the partition."""


class NoSuchPath(NotFound):
    """No image of the collection has the path."""


class NoSuchKey(NotFound):
    """No image of the collection has the key."""


class KeyTaken(Conflict):
    """Another image has the key, or the image has another key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, ConflictCode.KEY_TAKEN)


class KeyAmbiguous(Conflict):
    """Images of several partitions have the key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, ConflictCode.KEY_AMBIGUOUS)


class QueryRejected(PermanentError):
    """One of several pictures cannot be searched by or compared.

    Attributes:
        index: of the picture among them, from 0.
        cause: what is wrong with the picture.
    """

    def __init__(
        self,
        index: int,
        cause: NotFound | Conflict | PictureRejected | InvalidRegion | UrlRefused | VectorRejected,
    ) -> None:
        super().__init__(f"query {index}: {cause}")
        self.index = index
        self.cause = cause


@contextmanager
def of_query(index: int) -> Iterator[None]:
    """Add to an error about a picture, its box or its URL the index of the query that named it.

    Raises:
        QueryRejected: something is wrong with it.
    """
    try:
        yield
    except (PictureRejected, InvalidRegion, UrlRefused) as error:
        raise QueryRejected(index, error) from error
