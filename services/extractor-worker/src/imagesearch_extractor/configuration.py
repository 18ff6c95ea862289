"""Read every setting that the worker needs, before anything slow begins."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import ValidationError

from imagesearch.contract import Queue
from imagesearch.errors import PermanentError
from imagesearch.files.roots import Roots
from imagesearch.settings import PictureSettings, RedisSettings, SourceSettings
from imagesearch.telemetry import TelemetrySettings
from imagesearch.worker.heartbeat import WorkerSettings
from imagesearch_extractor.settings import ExtractorSettings


class BadConfiguration(PermanentError):
    """A setting has a value that cannot work; the message is one line that names it."""


@dataclass(frozen=True)
class Configuration:
    """Hold the settings of one extractor process."""

    extractor: ExtractorSettings = field(default_factory=ExtractorSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    sources: SourceSettings = field(default_factory=SourceSettings)
    pictures: PictureSettings = field(default_factory=PictureSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)


def read_configuration(queue: Queue) -> Configuration:
    """Read the settings from the environment.

    Raises:
        BadConfiguration: one of them cannot work.
    """
    try:
        configuration = Configuration()
    except ValidationError as error:
        raise BadConfiguration(one_line(error)) from error
    if queue is Queue.EXTRACT and not Roots.of(configuration.sources).readable:
        raise BadConfiguration(
            "IMAGE_ROOTS is empty, so no picture may be read; set it to the directories that jobs may index"
        )
    return configuration


def one_line(error: ValidationError) -> str:
    """Return what is wrong with the settings as one line that names each environment variable."""
    problems = (f"{'_'.join(map(str, detail['loc'])).upper()}: {detail['msg']}" for detail in error.errors())
    return "; ".join(problems)
