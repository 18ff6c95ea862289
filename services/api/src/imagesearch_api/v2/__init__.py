"""The JSON interface: jobs, collections, images, search, and what runs here."""

from __future__ import annotations

from flask import Blueprint, current_app

from imagesearch_api.composition import Services

v2 = Blueprint("v2", __name__, url_prefix="/api/v2")


def services() -> Services:
    """Return the services of the application that answers this request."""
    found: Services = current_app.extensions["services"]
    return found
