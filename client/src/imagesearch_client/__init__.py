"""Python client and command of the image search API."""

from imagesearch_client.answers import (
    Collection,
    Image,
    Job,
    JobFailure,
    Result,
    SearchResult,
)
from imagesearch_client.client import Client
from imagesearch_client.connection import Patience
from imagesearch_client.errors import ApiError, ClientError, FieldError, ProtocolError, Unavailable
from imagesearch_client.likeness import Alias, Comparison, Duplicate, DuplicateGroup
from imagesearch_client.system import Finding, Info, Reconciliation

__all__ = [
    "Alias",
    "ApiError",
    "Client",
    "ClientError",
    "Collection",
    "Comparison",
    "Duplicate",
    "DuplicateGroup",
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
