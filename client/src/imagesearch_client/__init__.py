"""Python client and command of the image search API."""

from imagesearch_client.answers import (
    Alias,
    Collection,
    Deletion,
    Embeddings,
    Image,
    Result,
    SearchResult,
    ShownImage,
    WrittenImage,
)
from imagesearch_client.callbacks import Callback, CallbackAttempt
from imagesearch_client.client import Client, Manifest
from imagesearch_client.connection import Patience
from imagesearch_client.duplicates import Comparison, Duplicate, DuplicateGroup
from imagesearch_client.errors import ApiError, Busy, ClientError, FieldError, ProtocolError, Unavailable
from imagesearch_client.examples import Example, Examples
from imagesearch_client.explanations import Heat, Regions, png_of
from imagesearch_client.facets import Facet, Facets, FacetValue
from imagesearch_client.jobs import Job, JobFailure
from imagesearch_client.queries import Query, Shape
from imagesearch_client.quotas import Quota
from imagesearch_client.system import Diagnosis, Finding, Info, Reconciliation, Report

__all__ = [
    "Alias",
    "ApiError",
    "Busy",
    "Callback",
    "CallbackAttempt",
    "Client",
    "ClientError",
    "Collection",
    "Comparison",
    "Deletion",
    "Diagnosis",
    "Duplicate",
    "DuplicateGroup",
    "Embeddings",
    "Example",
    "Examples",
    "Facet",
    "FacetValue",
    "Facets",
    "FieldError",
    "Finding",
    "Heat",
    "Image",
    "Info",
    "Job",
    "JobFailure",
    "Manifest",
    "Patience",
    "ProtocolError",
    "Query",
    "Quota",
    "Reconciliation",
    "Regions",
    "Report",
    "Result",
    "SearchResult",
    "Shape",
    "ShownImage",
    "Unavailable",
    "WrittenImage",
    "png_of",
]
