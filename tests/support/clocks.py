"""Let the clock of this process differ from those of the stores, as that of a host does without NTP."""

from __future__ import annotations

import datetime as datetimes
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def shifted(monkeypatch: pytest.MonkeyPatch, hours: float) -> Iterator[None]:
    """Have the product read a time that is so many hours ahead, from `time.time` and `datetime.now`."""
    real_time, real_type, ahead = time.time, datetimes.datetime, hours * 3600

    class Shifted(real_type):  # type: ignore[valid-type,misc]
        @classmethod
        def now(cls, tz: datetimes.tzinfo | None = None) -> datetimes.datetime:
            return real_type.now(tz) + datetimes.timedelta(seconds=ahead)

    product = [module for name, module in sys.modules.items() if name.partition(".")[0].startswith("imagesearch")]
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real_time() + ahead)
        for module in product:
            if getattr(module, "datetime", None) is real_type:
                patch.setattr(module, "datetime", Shifted)
        yield
