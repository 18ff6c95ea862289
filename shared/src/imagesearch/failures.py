"""Say why one picture could not be indexed."""

from __future__ import annotations

from enum import StrEnum


class FailureCode(StrEnum):
    """Say why one picture could not be indexed: a closed set, one code per cause."""

    UNREADABLE = "unreadable"
    """The bytes begin as a picture that is indexed, and are damaged beyond decoding."""
    TRUNCATED = "truncated"
    """The picture ends before its data does."""
    UNSUPPORTED_FORMAT = "unsupported_format"
    """A picture or file of a format that is not indexed."""
    TOO_LARGE = "too_large"
    """More pixels or bytes than the limits allow."""
    TOO_SMALL = "too_small"
    """Fewer pixels than the limits ask for."""
    EMPTY = "empty"
    """The file holds no bytes."""
    VANISHED = "vanished"
    """No file lies at the path any more."""
    FORBIDDEN = "forbidden"
    """The file may not be read: permissions, or outside the allowed roots."""
    NOT_A_FILE = "not_a_file"
    """The path names a directory, socket or device."""
    IO_ERROR = "io_error"
    """The file system failed while the file was read."""
    UNSUPPORTED_NAME = "unsupported_name"
    """The file's name is not valid UTF-8, so it cannot be stored or linked."""
    ZERO_VECTOR = "zero_vector"
    """The network answered with zeros, which have no direction to compare."""
    WRONG_PIPELINE = "wrong_pipeline"
    """The worker's network or preprocessing is not the collection's."""
    CRASHES_WORKER = "crashes_worker"
    """Workers died on this picture again and again."""
    INVALID_LINE = "invalid_line"
    """A line of a manifest does not say which picture is meant, or gives it what no picture can have."""
    VECTOR_LOST = "vector_lost"
    """The vector store lost the picture's vector, and no file lies at the path to make it again."""
    QUOTA_EXCEEDED = "quota_exceeded"
    """The tenant has as many pictures, or bytes, as its quota allows."""
    KEY_TAKEN = "key_taken"
    """Another image of the partition has the key that the picture was given."""
    REMOVED = "removed"
    """The picture was deleted from the collection while the job ran."""


CONTENT_FAILURES = frozenset(
    {
        FailureCode.UNREADABLE,
        FailureCode.TRUNCATED,
        FailureCode.UNSUPPORTED_FORMAT,
        FailureCode.TOO_LARGE,
        FailureCode.TOO_SMALL,
        FailureCode.EMPTY,
        FailureCode.ZERO_VECTOR,
    }
)
"""Codes about the file's content as it is now: a vector of its former content is out of date."""
