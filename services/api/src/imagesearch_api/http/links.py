"""Build the URLs under which callers reach what we name."""

from __future__ import annotations

from flask import request, url_for

from imagesearch_api.composition import Services


def image_url(services: Services, image_id: int) -> str:
    """Return the absolute URL of a picture's file: unique by id, on the public host."""
    return _base(services) + url_for("v2.image_file", image_id=image_id)


def thumbnail_url(services: Services, image_id: int) -> str:
    """Return the absolute URL of a small version of a picture."""
    return _base(services) + url_for("v2.image_thumbnail", image_id=image_id)


def _base(services: Services) -> str:
    return services.settings.public_url.rstrip("/") or request.host_url.rstrip("/")
