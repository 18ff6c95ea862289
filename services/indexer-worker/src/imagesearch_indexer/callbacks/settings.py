"""Settings of the delivery of callbacks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from imagesearch.settings import Settings


class DeliverySettings(Settings):
    """How callbacks are delivered."""

    callback_secrets_dir: Path | None = Field(
        None,
        description="A directory with a file for each name in CALLBACK_HOSTS: a secret a line, of at least 24 "
        "bytes. What is told is signed with each of them, so that one can be replaced while the old one holds.",
    )
    callback_timeout: float = Field(10.0, gt=0, le=60, description="Seconds that one attempt may take.")
    callback_hours: float = Field(
        24.0, gt=0, description="For how long after a job's end it is tried to tell of it, at growing intervals."
    )

    @property
    def patience(self) -> timedelta:
        """Return `callback_hours` as a duration."""
        return timedelta(hours=self.callback_hours)
