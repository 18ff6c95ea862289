"""Write docs/settings.md from the settings classes themselves: `make docs`."""

from __future__ import annotations

from pathlib import Path

from pydantic.fields import FieldInfo

from imagesearch.settings import (
    CallbackSettings,
    ExportSettings,
    MilvusSettings,
    PictureSettings,
    PostgresSettings,
    RedisSettings,
    Settings,
    SourceSettings,
)
from imagesearch.telemetry import TelemetrySettings
from imagesearch.worker.heartbeat import WorkerSettings
from imagesearch_api.settings import ApiSettings
from imagesearch_extractor.settings import ExtractorSettings
from imagesearch_indexer.callbacks.settings import DeliverySettings
from imagesearch_indexer.settings import IndexerSettings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

GROUPS: tuple[tuple[type[Settings], str], ...] = (
    (PostgresSettings, "api, indexer, migrate"),
    (RedisSettings, "every process"),
    (MilvusSettings, "api, indexer"),
    (SourceSettings, "api, extractor, indexer"),
    (ExportSettings, "api, indexer"),
    (PictureSettings, "api, extractor"),
    (CallbackSettings, "api, indexer"),
    (ApiSettings, "api"),
    (ExtractorSettings, "extractor"),
    (IndexerSettings, "indexer, scheduler"),
    (DeliverySettings, "indexer"),
    (WorkerSettings, "extractor, indexer, scheduler"),
    (TelemetrySettings, "every process"),
)

HEAD = """# Settings

Every process reads its settings from the environment once, at start, and logs them with passwords hidden.
This page is written by `make docs` from the classes that hold them.
"""


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for group, readers in GROUPS:
        about = (group.__doc__ or "").split("\n", 1)[0]
        rows = [_row(name, field) for name, field in group.model_fields.items()]
        parts.append(
            f"\n## {about}\n\nRead by: {readers}.\n\n| setting | default | what it does |\n|---|---|---|\n"
        )
        parts.append("\n".join(rows) + "\n")
    return "".join(parts)


def _row(name: str, field: FieldInfo) -> str:
    default = default_of(field.default)
    return f"| `{name.upper()}` | {f'`{default}`' if default else '-'} | {field.description} |"


def default_of(value: object) -> str:
    """Return a default as the environment would say it; nothing where a setting is unset."""
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return "" if value is None else str(value)


if __name__ == "__main__":
    PAGE.write_text(page())
