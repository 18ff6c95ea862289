"""The exit codes of the command: what each says, in one place for the code and for its help."""

from __future__ import annotations

DONE = 0
ERROR = 1
SOME_FAILED = 2
USAGE = 64
"""EX_USAGE of sysexits.h: click's own 2 would read as a job that completed with failures."""
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""
