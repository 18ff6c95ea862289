"""The client's wheel is whole by itself: with what it declares and nothing else, it does all that it is for."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from support.waiting import TIMEOUT

CLIENT = Path(__file__).parents[3] / "client"
PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:]
import importlib, pkgutil
import imagesearch_client
# Modules of extras, and what each is missing.
extras = {f"imagesearch_client.{name}": missing for name, missing in
          {"command.sheet_drawing": "PIL", "folder_watch.events": "watchfiles"}.items()}
for found in pkgutil.walk_packages(imagesearch_client.__path__, "imagesearch_client."):
    try:
        importlib.import_module(found.name)
        missing = None
    except ModuleNotFoundError as error:
        missing = error.name
    assert missing == extras.get(found.name), (found.name, missing)
with imagesearch_client.Client("http://127.0.0.1:9", patience=imagesearch_client.Patience(seconds=0)) as client:
    assert not client.healthy()
assert "numpy" not in sys.modules
importlib.import_module(imagesearch_client.__name__ + ".command").main(["--version"])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def needed(requirements: list[str]) -> set[str]:
    """Return the distributions that requirements need on this machine, theirs included."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        if requirement.name in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add(requirement.name)
        waiting += map(Requirement, importlib.metadata.requires(requirement.name) or [])
    return found


def linked(distributions: set[str], folder: Path) -> Path:
    """Return a folder from which these distributions can be imported, and no other."""
    folder.mkdir()
    for name in distributions:
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or []} - {".."}:
            target = folder / top
            if not target.exists():
                target.symlink_to(Path(str(distribution.locate_file(top))))
    return folder


def test_the_wheel_works_with_nothing_but_what_it_declares(wheel: Path, tmp_path: Path) -> None:
    (described,) = wheel.glob("*.dist-info/METADATA")
    requirements = Parser().parsestr(described.read_text()).get_all("Requires-Dist") or []
    others = linked(needed(requirements), tmp_path / "others")
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(wheel), str(others)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("imagesearch, version ")


def test_the_wheel_says_what_it_is_and_that_it_is_typed(wheel: Path) -> None:
    (described,) = wheel.glob("*.dist-info/METADATA")
    metadata = Parser().parsestr(described.read_text())
    assert str(metadata.get_payload()).strip() == (CLIENT / "README.md").read_text().strip()
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert (wheel / "imagesearch_client" / "py.typed").exists()
    (commands,) = wheel.glob("*.dist-info/entry_points.txt")
    assert "imagesearch = imagesearch_client.command:main" in commands.read_text()
    shipped = {path.relative_to(wheel) for path in wheel.rglob("*.py")}
    assert shipped == {path.relative_to(CLIENT / "src") for path in (CLIENT / "src").rglob("*.py")}
