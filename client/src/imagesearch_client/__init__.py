"""Python client and command of the image search API."""

from imagesearch_client.answers import (
    Collection,
    Finding,
    Image,
    Info,
    Job,
    JobFailure,
    Reconciliation,
    Result,
    SearchResult,
)
from imagesearch_client.client import Client
from imagesearch_client.connection import Patience
from imagesearch_client.errors import ApiError, ClientError, FieldError, ProtocolError, Unavailable

__all__ = [
    "ApiError",
    "Client",
    "ClientError",
    "Collection",
    "FieldError",
    "Finding",
    "Image",
    "Info",
    "Job",
    "JobFailure",
    "Patience",
    "ProtocolError",
    "Reconciliation",
    "Result",
    "SearchResult",
    "Unavailable",
]
