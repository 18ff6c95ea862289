"""Write the package `blocking` of the client, whose calls wait, from `asynchronous`: `make client`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
CLIENT = REPOSITORY / "client" / "src" / "imagesearch_client"
SOURCE, TARGET = CLIENT / "asynchronous", CLIENT / "blocking"
BY_HAND = frozenset({"__init__.py", "concurrency.py"})
"""What the two do in their own way; it has the same names in both."""
MARK = "# Made of {source} by `make client`: change that.\n"
RULES = (
    (r"\basync (?=def\b|for\b|with\b)", ""),
    (r"\bawait ", ""),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basynchronous\b", "blocking"),
    (r"\b__a(?=enter__|exit__|iter__|next__)", "__"),
    (r"\ba(?=(closing|close|read|iter_bytes|next)\b)", ""),
    (r"\ban ``(?=with``)", "a ``"),
)
"""Each pattern, and what stands there where nothing is awaited."""


def blocking(path: Path) -> str:
    """Return what becomes of a module of the source."""
    text = path.read_text()
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    target = TARGET / path.name
    # The order of imports, and where lines break, follow the names.
    text = _ruff("check", "--fix", "--exit-zero", "--select", "I,F401", text=text, target=target)
    text = _ruff("format", text=text, target=target)
    return MARK.format(source=f"asynchronous/{path.name}") + text


def modules() -> list[Path]:
    """Return the modules of the source that are rewritten."""
    return sorted(path for path in SOURCE.glob("*.py") if path.name not in BY_HAND)


def _ruff(*arguments: str, text: str, target: Path) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff), *arguments, "--quiet", "--stdin-filename", str(target), "-"]
    return subprocess.run(  # noqa: S603 - the program of this environment, with these arguments
        command, input=text, stdout=subprocess.PIPE, text=True, check=True, cwd=REPOSITORY
    ).stdout


if __name__ == "__main__":
    for module in modules():
        (TARGET / module.name).write_text(blocking(module))
