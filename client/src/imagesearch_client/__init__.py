"""Python client and command of the image search API."""

from imagesearch_client.answers import Alias, Collection, Deletion, Image, ShownImage, WrittenImage
from imagesearch_client.asynchronous.client import AsyncClient
from imagesearch_client.asynchronous.duplicates import AsyncDuplicateGroups
from imagesearch_client.asynchronous.jobs import AsyncJobHandle
from imagesearch_client.blocking.client import Client
from imagesearch_client.blocking.duplicates import DuplicateGroups
from imagesearch_client.blocking.jobs import JobHandle
from imagesearch_client.callbacks import Callback, CallbackAttempt
from imagesearch_client.dataframes import to_dataframe
from imagesearch_client.downloads import download_export
from imagesearch_client.duplicates import Comparison, Duplicate, DuplicateGroup
from imagesearch_client.errors import (
    ApiError,
    Busy,
    ClientError,
    FieldError,
    ProtocolError,
    StillRunning,
    Unavailable,
)
from imagesearch_client.examples import Example, Examples
from imagesearch_client.explanations import Heat, Regions, png_of
from imagesearch_client.exports import Export, ExportPart
from imagesearch_client.facets import Facet, Facets, FacetValue
from imagesearch_client.galleries import Gallery
from imagesearch_client.jobs import Job, JobFailure
from imagesearch_client.keys import ApiKey
from imagesearch_client.patience import Patience
from imagesearch_client.pictures import Picture
from imagesearch_client.queries import Query, Shape
from imagesearch_client.quotas import Quota
from imagesearch_client.requests import KEEP
from imagesearch_client.results import Embeddings, Result, SearchResult
from imagesearch_client.sources import Manifest
from imagesearch_client.system import Diagnosis, Finding, Info, Reconciliation, Report
from imagesearch_client.uploads import Upload, Uploaded

__all__ = [
    "KEEP",
    "Alias",
    "ApiError",
    "ApiKey",
    "AsyncClient",
    "AsyncDuplicateGroups",
    "AsyncJobHandle",
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
    "DuplicateGroups",
    "Embeddings",
    "Example",
    "Examples",
    "Export",
    "ExportPart",
    "Facet",
    "FacetValue",
    "Facets",
    "FieldError",
    "Finding",
    "Gallery",
    "Heat",
    "Image",
    "Info",
    "Job",
    "JobFailure",
    "JobHandle",
    "Manifest",
    "Patience",
    "Picture",
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
    "StillRunning",
    "Unavailable",
    "Upload",
    "Uploaded",
    "WrittenImage",
    "download_export",
    "png_of",
    "to_dataframe",
]
