"""The Dockerfiles pass the linters for them, and what is in the images can be listed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
IMAGES = ("api", "extractor", "extractor-gpu", "indexer")
LIST = """
import json, runpy, sys

for arguments in json.loads(sys.argv[1]):
    sys.argv = ["cyclonedx-py", *arguments]
    try:
        runpy.run_module("cyclonedx_py", run_name="__main__")
    except SystemExit as ended:
        assert not ended.code, arguments
"""
DOCKERFILES = sorted(REPOSITORY.glob("services/*/Dockerfile"))


def test_hadolint_finds_nothing() -> None:
    linter = REPOSITORY / ".venv/bin/hadolint"
    done = subprocess.run([linter, "--no-color", *DOCKERFILES], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)
    assert "hadolint ignore" not in "".join(path.read_text() for path in DOCKERFILES)


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one bill for each image, by one process: it takes five seconds to begin."""
    folder = tmp_path_factory.mktemp("bills")
    arguments = [
        ["requirements", "--of", "JSON", "-o", f"{folder / image}.json", f"requirements/{image}.txt"]
        for image in IMAGES
    ]
    subprocess.run([sys.executable, "-c", LIST, json.dumps(arguments)], cwd=REPOSITORY, check=True)
    return folder


@pytest.mark.parametrize("image", IMAGES)
def test_a_bill_of_materials_names_every_pinned_package(image: str, bills: Path) -> None:
    pinned = REPOSITORY / f"requirements/{image}.txt"
    said = {
        (part["name"], part["version"]) for part in json.loads((bills / f"{image}.json").read_text())["components"]
    }
    lines = [line for line in pinned.read_text().splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert said == {tuple(line.split(" ")[0].split("==")) for line in lines}
    assert len(said) > 20
