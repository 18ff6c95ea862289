"""The JSON interface: jobs, collections, images, search, and what runs here."""

from __future__ import annotations

from flask import Blueprint

v2 = Blueprint("v2", __name__, url_prefix="/api/v2")
