"""The Dockerfiles pass the linters for them, and what is in the images can be listed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
DOCKERFILES = sorted(REPOSITORY.glob("services/*/Dockerfile"))


def test_hadolint_finds_nothing() -> None:
    linter = REPOSITORY / ".venv/bin/hadolint"
    done = subprocess.run([linter, "--no-color", *DOCKERFILES], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)
    assert "hadolint ignore" not in "".join(path.read_text() for path in DOCKERFILES)


@pytest.mark.parametrize("image", ["api", "extractor", "extractor-gpu", "indexer"])
def test_a_bill_of_materials_names_every_pinned_package(image: str, tmp_path: Path) -> None:
    output = tmp_path / "sbom.json"
    pinned = REPOSITORY / f"requirements/{image}.txt"
    lister = REPOSITORY / ".venv/bin/cyclonedx-py"
    subprocess.run([lister, "requirements", "--of", "JSON", "-o", output, pinned], capture_output=True, check=True)
    said = {(part["name"], part["version"]) for part in json.loads(output.read_text())["components"]}
    lines = [line for line in pinned.read_text().splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert said == {tuple(line.split(" ")[0].split("==")) for line in lines}
    assert len(said) > 20
