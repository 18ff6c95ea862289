"""Tell by its heartbeat file whether a worker lives, for probes: `python -m imagesearch.worker.alive`.

Probes run it every few seconds beside a worker that computes, so it imports next to nothing.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

MAX_AGE_SECONDS = 45.0
"""A worker touches its file every three seconds; one that has little CPU, or a slow Redis, within these."""


def age_of(heartbeat: Path) -> float:
    """Return for how many seconds a heartbeat file has not been touched.

    Raises:
        OSError: there is none, as the worker has not begun to consume.
    """
    # Both are the clock of this machine.
    return time.time() - heartbeat.stat().st_mtime


def main() -> int:
    """Return 0 while the heartbeat is young, else 1, with the reason on standard error."""
    try:
        age = age_of(Path(os.environ["HEARTBEAT_FILE"]))
    except KeyError:
        sys.stderr.write("HEARTBEAT_FILE is not set\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"no heartbeat yet: {error}\n")
        return 1
    if age > MAX_AGE_SECONDS:
        sys.stderr.write(f"the last heartbeat is {age:.0f} s old\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
