"""Write docs/api/openapi.json, the description of /api/v2, from the routes themselves: `make docs`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from imagesearch_api.app import create_app
from imagesearch_api.openapi.document import document
from support.api_twin import services_of

FOLDER = Path(__file__).parents[1] / "docs" / "api"
CURRENT = FOLDER / "openapi.json"
RELEASED = FOLDER / "released.json"
"""What callers of the last release rely on; before the first one, of the day on which this was begun."""


def text(described: dict[str, Any]) -> str:
    """Return a description as it is kept, the same for the same routes."""
    return json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    os.environ["API_KEYS"] = "false"
    CURRENT.write_text(text(document(create_app(services_of()))))
