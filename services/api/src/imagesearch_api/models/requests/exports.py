"""Bodies about exports."""

from __future__ import annotations

from imagesearch_api.models.requests.base import Body, CallbackUrl, Partition


class ExportBody(Body):
    """What POST /collections/{name}/exports takes."""

    partition: Partition | None = None
    callback_url: CallbackUrl | None = None
