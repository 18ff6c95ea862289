"""Bodies about duplicates, and about two pictures compared."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imagesearch_api.models.requests.base import Body, CallbackUrl, CollectionName, ImageId, Partition
from imagesearch_api.search.question import Explain

Explains = Annotated[
    Explain,
    Field(description="Tell where in both pictures the similarity comes from; picture draws them as well."),
]
Distance = Annotated[
    float, Field(ge=0, le=1, allow_inf_nan=False, description="Unsaid, what the collection's pipeline calls near.")
]


class DuplicatesQuery(Body):
    """What GET /collections/{name}/duplicates takes in its query."""

    max_distance: Distance | None = None
    partition: Partition | None = None


class DuplicatesBody(DuplicatesQuery):
    """What POST /collections/{name}/duplicates takes."""

    callback_url: CallbackUrl | None = None


class SideBody(Body):
    """One of two indexed pictures to compare."""

    image_id: ImageId


class CompareBody(Body):
    """What POST /compare takes as JSON."""

    a: SideBody
    b: SideBody
    collection: CollectionName | None = None
    explain: Explains | None = None


class CompareForm(Body):
    """What POST /compare takes as form fields, beside files."""

    a: ImageId | None = None
    b: ImageId | None = None
    collection: CollectionName | None = None
    explain: Explains | None = None
