"""Settle which weights the demo works with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import Layout
from imagesearch_local.private import write_private

PUBLISHED = "imagenet"
FALLBACK = "random:0"
UNTRAINED = "random:"
UNTRAINED_NOTICE = (
    "The network is UNTRAINED (WEIGHTS={weights}): it sees colours and textures, not things. It finds equal and "
    "near-equal pictures. For real answers, where 59 MB can be fetched from storage.googleapis.com: "
    "make demo WEIGHTS=imagenet"
)


def settle(layout: Layout, asked: str, say: Callable[[str], None]) -> str:
    """Return the weights to use and remember them for the next demo over the same data.

    Only here, and only where nothing was asked for, an untrained network stands in for weights that cannot
    be downloaded; an explicit setting works or is an error.

    Args:
        layout: of the data that the vectors belong to.
        asked: the user's WEIGHTS, empty if not set.
        say: prints a line.

    Raises:
        StackFailed: the weights cannot be had.
    """
    remembered = layout.weights.read_text().strip() if layout.weights.exists() else ""
    weights = asked or remembered or PUBLISHED
    if not asked and remembered:
        say(f"WEIGHTS is not set: going on with {remembered}, which this data was made with.")
    if not weights.startswith(UNTRAINED):
        reason = _fetch(weights, may_fall_back=not asked and not remembered)
        if reason is not None:
            say(f"The published weights cannot be had: {reason}")
            weights = FALLBACK
    if weights.startswith(UNTRAINED):
        say(UNTRAINED_NOTICE.format(weights=weights))
    layout.create()
    write_private(layout.weights, f"{weights}\n")
    return weights


def _fetch(weights: str, *, may_fall_back: bool) -> str | None:
    """Make sure of the weights; return why they cannot be downloaded where the demo may do without them."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "imagesearch_extractor.prefetch"],
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        | {"WEIGHTS": weights},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
    if done.returncode == os.EX_UNAVAILABLE and may_fall_back:
        return reason
    raise StackFailed(reason)
