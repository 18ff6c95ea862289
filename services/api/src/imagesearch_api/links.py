"""Build the URLs under which callers reach what we name."""

from __future__ import annotations

from flask import request, url_for

from imagesearch_api.composition import Services


def image_url(services: Services, image_id: int) -> str:
    """Return the absolute URL of a picture's file: unique by id, on the public host."""
    base = services.settings.public_url.rstrip("/") or request.host_url.rstrip("/")
    return base + url_for("v2.image_file", image_id=image_id)
