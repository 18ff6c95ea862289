"""The hash-pinned files in requirements/ hold what the workspace declares: all of it, and nothing else."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).parents[2]
REQUIREMENTS = REPOSITORY / "requirements"
MEMBERS = {
    tomllib.loads(path.read_text())["project"]["name"]: path
    for path in sorted(REPOSITORY.glob("*/pyproject.toml"))
    + sorted(REPOSITORY.glob("services/*/pyproject.toml"))
    + sorted(REPOSITORY.glob("deploy/*/pyproject.toml"))
}
BUILD, DEV = [REQUIREMENTS / "build.in"], [REQUIREMENTS / "dev.in"]
FILES: dict[str, tuple[list[str], list[Path]]] = {
    "all": (["imagesearch-local", "imagesearch-extractor[gpu,onnx]"], BUILD + DEV),
    "api": (["imagesearch-api"], []),
    "build": ([], BUILD),
    "checks": ([], [REQUIREMENTS / "checks.in"]),
    "dev": (["imagesearch-local"], BUILD + DEV),
    "extractor": (["imagesearch-extractor[cpu,onnx,int8]"], []),
    "extractor-gpu": (["imagesearch-extractor[gpu,onnx]"], []),
    "indexer": (["imagesearch-indexer"], []),
    "local": (["imagesearch-local"], BUILD),
    "quantise": (["imagesearch-extractor[int8]"], [*BUILD, REQUIREMENTS / "quantise.in"]),
    "uv": ([], [REQUIREMENTS / "uv.in"]),
}
"""Each file, with the members and the lists of requirements that it is compiled from."""
HERE = ["api", "build", "dev", "extractor", "indexer", "local"]
"""Files whose packages are installed where the tests run, so that their metadata can be read."""


def pins(name: str) -> dict[str, list[tuple[Version, Requirement]]]:
    """Return what a file pins: by package one version, or one per marker."""
    found: dict[str, list[tuple[Version, Requirement]]] = {}
    for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines():
        if match := re.match(r"([a-z0-9][a-z0-9._-]*)==(\S+)", line):
            requirement = Requirement(line.removesuffix("\\"))
            found.setdefault(canonicalize_name(match[1]), []).append((Version(match[2]), requirement))
    return found


def pinned_here(name: str) -> dict[str, Version]:
    """Return the pins that hold for this Python on this platform."""
    return {
        package: version
        for package, options in pins(name).items()
        for version, requirement in options
        if requirement.marker is None or requirement.marker.evaluate()
    }


def declared(name: str) -> Iterator[Requirement]:
    """Yield every requirement that is declared for a file, members resolved to what they declare."""
    members, lists = FILES[name]
    for path in lists:
        for line in path.read_text().splitlines():
            if text := line.split("#")[0].strip():
                yield Requirement(text)
    waiting = [Requirement(member) for member in members]
    while waiting:
        member = waiting.pop()
        project = tomllib.loads(MEMBERS[member.name].read_text())["project"]
        optional = project.get("optional-dependencies", {})
        for text in [*project["dependencies"], *(text for extra in member.extras for text in optional[extra])]:
            requirement = Requirement(text)
            if requirement.name in MEMBERS:
                waiting.append(requirement)
            else:
                yield requirement


def holds_here(requirement: Requirement, extras: set[str]) -> bool:
    environment = dict(default_environment())
    return requirement.marker is None or any(
        requirement.marker.evaluate({**environment, "extra": extra}) for extra in extras or {""}
    )


def needed_here(name: str) -> set[str]:
    """Return everything that the declared requirements need on this platform, by what is installed."""
    waiting = [requirement for requirement in declared(name) if holds_here(requirement, set())]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        package = canonicalize_name(requirement.name)
        key = (package, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        for text in importlib.metadata.requires(package) or []:
            needed = Requirement(text)
            if holds_here(needed, requirement.extras):
                waiting.append(needed)
    return {package for package, _ in seen}


@pytest.mark.parametrize("name", FILES)
def test_every_declared_requirement_is_pinned_in_its_range(name: str) -> None:
    pinned = pins(name)
    for requirement in declared(name):
        versions = [version for version, _ in pinned.get(canonicalize_name(requirement.name), [])]
        assert versions, f"{requirement} is not in requirements/{name}.txt: run make lock"
        for version in versions:
            assert version in requirement.specifier, f"requirements/{name}.txt has {version}: run make lock"


@pytest.mark.parametrize("name", HERE)
def test_a_file_holds_exactly_what_its_requirements_need_on_this_platform(name: str) -> None:
    assert set(pinned_here(name)) == needed_here(name), "run make lock"


@pytest.mark.parametrize("name", sorted(FILES.keys() - {"all", "checks", "quantise", "uv"}))
def test_every_file_is_a_part_of_one_resolution(name: str) -> None:
    everything = pins("all")
    for package, options in pins(name).items():
        assert {version for version, _ in options} <= {version for version, _ in everything[package]}, package


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_hashes_and_no_file_names_a_host_or_a_path(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    entries = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert len(entries) == sum(len(options) for options in pins(name).values())
    for entry in entries:
        assert "--hash=sha256:" in entry, entry
    assert not re.search(r"://|^-|^/|\s/|--(index|find|extra|trusted)", text, flags=re.MULTILINE)


def test_the_api_has_no_tensorflow_and_the_extractor_no_database() -> None:
    assert not {package for package in pins("api") if package.startswith(("tensorflow", "keras"))}
    for name in ("extractor", "extractor-gpu"):
        assert not pins(name).keys() & {"sqlalchemy", "pymilvus", "psycopg2-binary", "alembic"}
    assert not {package for package in pins("indexer") if package.startswith(("tensorflow", "keras"))}


def test_only_the_gpu_image_carries_cuda() -> None:
    assert "nvidia-cudnn-cu12" in pins("extractor-gpu") or "nvidia-cudnn-cu13" in pins("extractor-gpu")
    for name in FILES.keys() - {"all", "extractor-gpu"}:
        assert not {package for package in pins(name) if package.startswith("nvidia-")}, name
