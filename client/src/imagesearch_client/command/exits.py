"""The exit codes of the command: what each says, in one place for the code and for its help."""

from __future__ import annotations

DONE = 0
ERROR = 1
SOME_FAILED = 2
USAGE = 64
"""EX_USAGE of sysexits.h: click's own 2 would read as a job that completed with failures."""
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

MEANINGS = {
    DONE: "all of it is done",
    ERROR: "it did not work; stderr says why",
    SOME_FAILED: "done, but for pictures that failed",
    USAGE: "the command line or the file of profiles is wrong",
    INTERRUPTED: "stopped by Ctrl-C; a job goes on",
}
HELP = "\b\nExit codes:\n" + "\n".join(f"  {code:<5}{meaning}" for code, meaning in MEANINGS.items())
"""As click prints it: after `\\b` the lines stay as they are."""
